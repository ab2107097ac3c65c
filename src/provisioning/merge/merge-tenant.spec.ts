import { readTenantsFile } from '../file/read-tenants-file.ts';
import type { PartialTenant } from '../file/partial-tenants-file.ts';
import type { TenantSpec } from '../file/tenants-file.ts';
import { describeFault } from '../file/validation-error.ts';
import { completeTenant } from '../plan/complete-tenant.ts';
import { diffControlPlane, diffDirectory } from '../plan/tenant-diff.ts';
import { checkConflicts } from './checks/conflicts.ts';
import { checkTenant } from './checks/check-tenant.ts';
import { mergeTenant } from './merge-tenant.ts';
import { Faults } from './thing.ts';

function written(body: string): PartialTenant {
  const text = `apiVersion: tessera/v1\ntenants:\n  - id: acme\n${body}`;
  const result = readTenantsFile(new TextEncoder().encode(text), {
    federationAllowedHosts: [],
    federationPrivateHosts: [],
    publicUrl: 'https://tokens.example.com',
  });
  if (!('file' in result)) throw new Error(JSON.stringify(result.errors));
  return result.file.tenants[0]!;
}

function existing(body: string): TenantSpec {
  const tenant = completeTenant(written(`    database: { driver: sqlite }\n${body}`));
  if ('conflicts' in tenant) throw new Error(JSON.stringify(tenant.conflicts));
  return tenant;
}

function merge(partial: PartialTenant, before: TenantSpec, prune = false) {
  const faults = new Faults('acme');
  const after = mergeTenant(partial, before, { isNew: false, prune }, faults);
  checkTenant(partial, before, after, faults);
  checkConflicts(partial, after, faults);
  return {
    after,
    changes: [...diffDirectory(before, after), ...diffControlPlane(before, after)].map(
      ({ action, kind, id }) => `${action} ${kind} ${id}`,
    ),
    faults: faults.list().map(describeFault),
  };
}

const issuer = (id: string, host: string, client: string): string =>
  `      - { id: ${id}, issuer: 'https://${host}', audiences: [a], conditions: none, subject: { match: linked }, clients: [${client}], surfaces: [user] }\n`;
const project = (id: string, client: string): string =>
  `      - { id: ${id}, clients: [{ id: ${client}, surfaces: [user], scopes: [], subjects: any }] }\n`;

const FULL = `    name: Acme Ltd
    status: suspended
    tokens: { alg: EdDSA, ttl: 5m }
    projects:
      - { id: shop, name: Shop, status: disabled, clients: [{ id: web, status: disabled, policy: { secretless: { networks: [10.0.0.0/8] } }, surfaces: [user], audience: aud, scopes: unbounded, subjects: any, ttl: 1m, audiences: [b], receives: [], exchange: [{ to: c, scopes: [read] }], service: { roles: [reader] }, jwks_uri: 'https://w.example/k', workload: { issuer: corp, conditions: { sub: d } } }] }
    issuers:
      - { id: corp, issuer: 'https://i.example', jwks_uri: 'https://i.example/k', audiences: [a], azp: [b], algorithms: [ES256], key_use: jwt-svid, typ: [JOSE], conditions: { c: d, /e/f: { contains: g } }, audience_claim: client_id, email_verified: text_allowed, subject: { match: email, domains: [a.example] }, clients: [web], surfaces: [user], max_age: 1m, max_lifetime: 1h }
    scopes: [{ name: read, resource: orders }]
    roles: [{ name: reader, scopes: [read] }]
    groups: [{ name: staff, roles: [reader] }]
    users: [{ id: u-ada, email: ada@a.example, status: disabled, roles: [reader], groups: [staff], identities: [{ issuer: corp, sub: "1" }] }]
    admins: [{ id: a-root, email: root@a.example, status: disabled, roles: [r], scopes: [s], identities: [{ issuer: corp, sub: "2" }] }]
`;
const NAMED = `    tokens: {}
    database: {}
    projects: [{ id: shop, clients: [{ id: web }] }]
    issuers: [{ id: corp }]
    scopes: [{ name: read }]
    roles: [{ name: reader }]
    groups: [{ name: staff }]
    users: [{ id: u-ada }]
    admins: [{ id: a-root }]
`;

describe('a member that is left out', () => {
  it.each([
    ['of the tenant', ''],
    ['of everything that is only named', NAMED],
  ])('keeps its value: %s', (_, body) => {
    const before = existing(FULL);
    for (const prune of [false, true]) {
      const { after, changes, faults } = merge(written(body), before, prune);
      expect({ changes, faults }).toEqual({ changes: [], faults: [] });
      expect(after).toEqual(before);
    }
  });

  it('has the default of a new thing when it is null', () => {
    const { after, faults } = merge(
      written(`    name: null
    status: active
    tokens: { alg: null, ttl: null }
    projects: [{ id: shop, name: null, status: active, clients: [{ id: web, status: active, policy: null, audience: null, ttl: null, audiences: null, receives: null, exchange: null, service: null, keys: null, jwks_uri: null, workload: null }] }]
    issuers: [{ id: corp, jwks_uri: null, algorithms: null, key_use: null, typ: null, azp: null, audience_claim: null, email_verified: null, max_age: null, max_lifetime: null }]
    scopes: [{ name: read, resource: null }]
    users: [{ id: u-ada, status: active, roles: null, groups: null, identities: null }]
    admins: [{ id: a-root, status: active, roles: null, scopes: null, identities: null }]
`),
      existing(FULL),
    );
    expect(faults).toEqual([]);
    const fresh =
      existing(`    projects: [{ id: shop, clients: [{ id: web, surfaces: [user], scopes: unbounded, subjects: any }] }]
    issuers: [{ id: corp, issuer: 'https://i.example', audiences: [a], conditions: { c: d, /e/f: { contains: g } }, subject: { match: email, domains: [a.example] }, clients: [web], surfaces: [user] }]
    scopes: [{ name: read }]
    roles: [{ name: reader, scopes: [read] }]
    groups: [{ name: staff, roles: [reader] }]
    users: [{ id: u-ada, email: ada@a.example }]
    admins: [{ id: a-root, email: root@a.example }]
`);
    expect(after).toEqual(fresh);
    expect(merge(written('    tokens: null\n'), existing(FULL)).after.tokens).toEqual({
      algorithm: 'ES256',
      ttlSeconds: 900,
    });
  });

  it.each([
    ['roles: [{ name: reader, scopes: null }]', 'roles[0] "reader": scopes must not be null'],
    ['users: [{ id: u-ada, email: null }]', 'users[0] "u-ada": email must not be null'],
    ['users: [{ id: u-new }]', 'users[0] "u-new": a user needs "email"'],
    ['roles: [{ name: new }]', 'roles[0] "new": a role needs "scopes"'],
    ['projects: [{ id: shop, clients: [{ id: app }] }]', 'clients[0] "app": a client needs "surf'],
  ])('is refused where there is no default: %s', (body, fault) => {
    expect(merge(written(`    ${body}\n`), existing(FULL)).faults).toContainEqual(expect.stringContaining(fault));
  });
});

describe('a reference', () => {
  it.each([
    'users: [{ id: u-ada, roles: [reader], groups: [staff], identities: [{ issuer: corp, sub: "9" }] }]',
    'roles: [{ name: other, scopes: [read] }]',
    'groups: [{ name: other, roles: [reader] }]',
    'issuers: [{ id: corp, clients: [web] }]',
  ])('may name what exists and is not in the file: %s', (body) => {
    expect(merge(written(`    ${body}\n`), existing(FULL)).faults).toEqual([]);
  });

  it.each([
    ['users: [{ id: u-ada, roles: [boss] }]', 'users[0] "u-ada": roles[0]: there is no role "boss"'],
    ['users: [{ id: u-ada, groups: [gang] }]', 'users[0] "u-ada": groups[0]: there is no group "gang"'],
    [
      'users: [{ id: u-ada, identities: [{ issuer: x, sub: "1" }] }]',
      'users[0] "u-ada": identities: there is no issuer "x"',
    ],
    [
      'admins: [{ id: a-root, identities: [{ issuer: x, sub: "1" }] }]',
      'admins[0] "a-root": identities: there is no issuer',
    ],
    ['roles: [{ name: reader, scopes: [read, all] }]', 'roles[0] "reader": scopes[1]: there is no scope "all"'],
    ['groups: [{ name: staff, roles: [boss] }]', 'groups[0] "staff": roles[0]: there is no role "boss"'],
    ['issuers: [{ id: corp, clients: [app] }]', 'issuers[0] "corp": clients[0]: there is no client "app"'],
    [
      'projects: [{ id: shop, clients: [{ id: web, service: { roles: [boss] } }] }]',
      'clients[0] "web": service: there is no role "boss"',
    ],
    [
      'projects: [{ id: shop, clients: [{ id: web, workload: { issuer: x, conditions: { sub: d } } }] }]',
      'clients[0] "web": workload: there is no issuer "x"',
    ],
  ])('to nothing names the thing and the member: %s', (body, fault) => {
    expect(merge(written(`    ${body}\n`), existing(FULL)).faults).toEqual([expect.stringContaining(fault)]);
  });

  it.each([
    ['users: [{ id: u-ada }]\n    roles: []\n    groups: []', 'users[0] "u-ada": there is no role "reader" after this'],
    ['roles: []\n    groups: []', 'clients "web": service: there is no role "reader" after this'],
    ['issuers: []', 'clients "web": workload: there is no issuer "corp" after this'],
    ['issuers: [{ id: corp }]\n    projects: []', 'issuers[0] "corp": clients: there is no client "web"'],
  ])('of a thing that is only named must not be pruned: %s', (body, fault) => {
    const { faults } = merge(written(`    ${body}\n`), existing(FULL), true);
    expect(faults.join('\n')).toContain(fault.split(': there is')[0]);
    expect(faults.join('\n')).toContain(`there is${fault.split(': there is')[1]}`);
  });
});

describe('the merged whole', () => {
  it('has no client that lives longer than its tenant allows, also when the tenant’s ttl is what changes', () => {
    const before = existing(FULL);
    expect(merge(written('    tokens: { ttl: 30s }\n'), before).faults).toEqual([
      'tenants "acme", clients "web": ttl must be at most the tenant\'s ttl, 30s',
    ]);
    expect(merge(written('    projects: [{ id: shop, clients: [{ id: web, ttl: 6m }] }]\n'), before).faults).toEqual([
      'clients[0] "web": ttl must be at most the tenant\'s ttl, 5m',
    ]);
  });

  it('has no secretless client of the admin surface', () => {
    const change = written('    projects: [{ id: shop, clients: [{ id: web, surfaces: [admin] }] }]\n');
    expect(merge(change, existing(FULL)).faults).toEqual([
      expect.stringContaining('clients[0] "web": surfaces: a secretless client may have the user surface only'),
    ]);
  });
});

describe('what the file leaves out', () => {
  const actual = existing(`    projects:\n${project('shop', 'web')}    users: [{ id: u-ada, email: ada@a.example }]\n`);

  it('stays as it is, next to the file’s content', () => {
    const desired = written(
      `    projects:\n${project('shop', 'app')}    users: [{ id: u-bob, email: bob@a.example }]\n`,
    );
    expect(merge(desired, actual)).toMatchObject({
      faults: [],
      changes: ['create user acme/u-bob', 'create client acme/shop/app'],
    });
  });

  it('is removed with --prune from the lists that are written, and from no other', () => {
    expect(merge(written('    projects: []\n'), actual, true)).toMatchObject({
      faults: [],
      changes: ['remove client acme/shop/web', 'remove project acme/shop'],
    });
    expect(merge(written('    users: []\n'), actual, true).changes).toEqual(['remove user acme/u-ada']);
    const all = ['issuers', 'projects', 'scopes', 'roles', 'groups', 'users', 'admins'];
    const full = existing(FULL);
    for (const list of all) {
      const one = merge(written(`    ${list}: []\n`), full, true).after;
      for (const other of all.filter((name) => name !== list) as (keyof TenantSpec)[])
        expect(one[other]).toEqual(full[other]);
    }
    expect(merge(written(all.map((list) => `    ${list}: []\n`).join('')), full, true).after).toMatchObject(
      Object.fromEntries(all.map((list) => [list, []])),
    );
  });

  it('stays with --prune in a project and a tenant that are only named', () => {
    expect(merge(written('    name: Acme\n'), actual, true).changes).toEqual(['update tenant acme']);
    expect(merge(written('    users: [{ id: u-ada }]\n    projects: [{ id: shop }]\n'), actual, true).changes).toEqual(
      [],
    );
  });

  it.each([
    [
      'an e-mail address',
      'users: [{ id: u-a, email: A@a.example }]',
      'users: [{ id: u-b, email: a@a.example }]',
      /users\[0\] "u-b": email: users "u-b" and "u-a" have the same e-mail/,
    ],
    [
      'an issuer’s URL',
      `projects:\n${project('p', 'c')}    issuers:\n${issuer('x', 'i.example', 'c')}`,
      `projects:\n${project('p', 'c')}    issuers:\n${issuer('y', 'i.example', 'c')}`,
      /issuers\[0\] "y": issuer: issuers "y" and "x" have the same URL/,
    ],
    [
      'the name of a trusted client',
      `projects:\n${project('p', 'c')}`,
      `projects:\n${project('q', 'c')}    issuers:\n${issuer('y', 'i.example', 'c')}`,
      /issuers\[0\] "y": clients\[0\]: 2 projects have a client "c"/,
    ],
  ])('conflicts if it has %s that the file has too', (_, before, after, message) => {
    expect(merge(written(`    ${after}\n`), existing(`    ${before}\n`)).faults).toEqual([
      expect.stringMatching(message),
    ]);
  });
});
