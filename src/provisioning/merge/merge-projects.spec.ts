import { generateKeyPairSync } from 'node:crypto';
import { readTenantsFile } from '../file/read-tenants-file.ts';
import type { PartialTenant } from '../file/partial-tenants-file.ts';
import type { TenantSpec } from '../file/tenants-file.ts';
import { describeFault } from '../file/validation-error.ts';
import { completeTenant } from '../plan/complete-tenant.ts';
import { diffControlPlane } from '../plan/tenant-diff.ts';
import { checkTenant } from './checks/check-tenant.ts';
import { mergeTenant } from './merge-tenant.ts';
import { Faults } from './thing.ts';

function written(body: string): PartialTenant {
  const result = readTenantsFile(Buffer.from(`apiVersion: tessera/v1\ntenants:\n  - id: acme\n${body}`), {
    federationAllowedHosts: [],
    federationPrivateHosts: [],
    publicUrl: 'https://tokens.example.com',
  });
  if (!('file' in result)) throw new Error(JSON.stringify(result.errors));
  return result.file.tenants[0]!;
}

const ISSUER =
  "id: ci, issuer: 'https://ci.example', jwks_uri: 'https://ci.example/k', audiences: [tessera], azp: [x], conditions: { a: b }, subject: { match: linked }, clients: [], surfaces: [user]";

/** A tenant with one client. */
function existing(client: string): TenantSpec {
  const tenant = completeTenant(
    written(`    database: { driver: sqlite }
    issuers: [{ ${ISSUER} }]
    projects: [{ id: shop, clients: [{ id: billing, surfaces: [user], scopes: unbounded, subjects: any, ${client} }] }]
`),
  );
  if ('conflicts' in tenant) throw new Error(JSON.stringify(tenant.conflicts));
  return tenant;
}

function merge(body: string, before: TenantSpec) {
  const faults = new Faults('acme');
  const after = mergeTenant(written(`    ${body}\n`), before, { isNew: false, prune: false }, faults);
  checkTenant(written(`    ${body}\n`), before, after, faults);
  return { after, faults: faults.list().map(describeFault), changes: diffControlPlane(before, after) };
}

const change = (members: string): string => `projects: [{ id: shop, clients: [{ id: billing, ${members} }] }]`;
const policyAfter = (members: string, before: TenantSpec) => {
  const { after, faults } = merge(change(members), before);
  expect(faults).toEqual([]);
  return after.projects[0]!.clients[0]!.policy.kind;
};

const jwk = (kid: string): string => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return JSON.stringify({ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256' });
};
const KEY = jwk('k1');
const WORKLOAD = 'workload: { issuer: ci, conditions: { sub: a } }';
const NO_WAY = /: the client would have no way to authenticate: write "policy: confidential" for a secret, or keys/;

describe('the policy of a client that has keys or a workload', () => {
  const confidential = existing('ttl: 5m');
  const withKey = existing(`keys: [${KEY}]`);

  it('stays confidential when they are added', () => {
    expect(policyAfter(`keys: [${KEY}]`, confidential)).toBe('confidential');
    expect(policyAfter(WORKLOAD, confidential)).toBe('confidential');
  });

  it('is decided by what the client has then, when it is null', () => {
    expect(policyAfter(`policy: null, keys: [${KEY}]`, confidential)).toBe('assertion');
    expect(policyAfter('policy: null', withKey)).toBe('assertion');
    expect(policyAfter('policy: null, keys: []', withKey)).toBe('confidential');
  });

  it('changes to one with a secret when the file says so', () => {
    expect(policyAfter('policy: confidential', withKey)).toBe('confidential');
    expect(policyAfter('policy: confidential, keys: []', withKey)).toBe('confidential');
  });

  it('stays when it changes one for the other', () => {
    expect(policyAfter("keys: [], jwks_uri: 'https://b.example/k'", withKey)).toBe('assertion');
    expect(policyAfter(`keys: null, ${WORKLOAD}`, withKey)).toBe('assertion');
    expect(policyAfter('status: disabled', withKey)).toBe('assertion');
  });

  it.each([
    [`keys: [${KEY}]`, 'keys: []'],
    [`keys: [${KEY}]`, 'keys: null'],
    ["jwks_uri: 'https://b.example/k'", 'jwks_uri: null'],
    [WORKLOAD, 'workload: null'],
  ])('leaves no client without a way to authenticate: %s', (before, after) => {
    expect(merge(change(after), existing(before)).faults).toEqual([expect.stringMatching(NO_WAY)]);
  });
});

describe('a secretless client', () => {
  const policy = 'policy: { secretless: { networks: [10.0.0.0/8] } }';
  const CANNOT = /: a secretless client cannot authenticate at the token endpoint: write keys, jwks_uri or workload/;

  it.each(['service: { roles: [] }', 'exchange: [{ to: a, scopes: subset }]'])('has no %s', (member) => {
    expect(merge(change(member), existing(policy)).faults).toEqual([expect.stringMatching(CANNOT)]);
    expect(merge(change(policy), existing(member)).faults).toEqual([expect.stringMatching(CANNOT)]);
    expect(merge(change('keys: []'), existing(`${policy}, ${member}, keys: [${KEY}]`)).faults).toEqual([
      expect.stringMatching(CANNOT),
    ]);
  });

  it('may have them with keys, and lose them', () => {
    const before = existing(`${policy}, keys: [${KEY}], service: { roles: [] }`);
    expect(policyAfter('exchange: [{ to: a, scopes: subset }]', before)).toBe('secretless');
    expect(policyAfter('service: null, keys: []', before)).toBe('secretless');
  });
});

it.each([
  [`keys: [${KEY}]`, "jwks_uri: 'https://b.example/k'", 'jwks_uri'],
  ["jwks_uri: 'https://b.example/k'", `keys: [${KEY}]`, 'keys'],
])('a client has keys or jwks_uri: %s', (before, after, member) => {
  expect(merge(change(after), existing(before)).faults).toEqual([
    expect.stringMatching(`: ${member} must not be beside the other of keys and jwks_uri: write "keys: \\[\\]"`),
  ]);
});

it('the own audience is not listed again, also when it is what changes', () => {
  const message = [expect.stringContaining('must not repeat the client\'s own audience, "a"')];
  expect(merge(change('audience: a'), existing('audiences: [a]')).faults).toEqual(message);
  expect(merge(change('audiences: [a]'), existing('audience: a')).faults).toEqual(message);
  expect(merge(change('audience: a, audiences: []'), existing('audiences: [a]')).faults).toEqual([]);
});

it('a service has a sub that records and revocations have room for', () => {
  const project = (id: string) =>
    `projects: [{ id: ${id}, clients: [{ id: ${'c'.repeat(64)}, surfaces: [user], scopes: [], subjects: any, service: { roles: [] } }] }]`;
  const before = existing('ttl: 5m');
  expect(merge(project('p'.repeat(56)), before).faults).toEqual([]);
  expect(merge(project('p'.repeat(57)), before).faults).toEqual([
    expect.stringContaining('service: the "sub" of its tokens would be longer than 128 characters'),
  ]);
});

describe('the issuer of a workload', () => {
  const before = existing(WORKLOAD);
  const issuer = (members: string): string => `issuers: [{ id: ci, ${members} }]`;
  const changed: readonly (readonly [string, string])[] = [
    ["issuer: 'https://other.example', jwks_uri: 'https://ci.example/k'", 'issuer'],
    ["jwks_uri: 'https://ci.example/other'", 'jwks_uri'],
    ['audiences: [tessera, other]', 'audiences'],
    ['audience_claim: client_id', 'audience_claim'],
    ['azp: null', 'azp'],
  ];

  it.each(changed)('changes only where the workload is written too: %s', (members, member) => {
    expect(merge(issuer(members), before).faults).toEqual([
      `tenants "acme", clients "billing": workload must not stay as it is when ${member} of issuer "ci" changes: write workload too`,
    ]);
    expect(merge(`${issuer(members)}\n    ${change('status: active')}`, before).faults).toHaveLength(1);
    expect(merge(`${issuer(members)}\n    ${change(WORKLOAD)}`, before).faults).toEqual([]);
    expect(merge(issuer(members), existing('ttl: 5m')).faults).toEqual([]);
  });

  it.each([
    'max_age: 1m',
    'algorithms: [ES256]',
    'conditions: { a: b, c: d }',
    'clients: [billing]',
    'audiences: [tessera]',
  ])('changes alone where its tokens mean the same: %s', (members) => {
    expect(merge(issuer(members), before).faults).toEqual([]);
  });
});

describe('the changes of a client', () => {
  const shown = (members: string, before: TenantSpec) =>
    merge(change(members), before).changes.flatMap(({ fields }) => fields);

  it('show a key by its kid, its algorithm and the beginning of its thumbprint', () => {
    const before = existing(`keys: [${KEY}]`);
    const [{ from, to } = { from: [], to: [] }] = shown(`keys: [${KEY}, ${jwk('k2')}]`, before);
    const key = { alg: 'ES256', thumbprint: expect.stringMatching(/^[\w-]{16}$/) as unknown };
    expect(from).toEqual([{ ...key, kid: 'k1' }]);
    expect(to).toEqual([
      { ...key, kid: 'k1' },
      { ...key, kid: 'k2' },
    ]);
  });

  it('have another key of the same kid', () => {
    expect(shown(`keys: [${jwk('k1')}]`, existing(`keys: [${KEY}]`)).map(({ field }) => field)).toEqual(['keys']);
    expect(shown(`keys: [${KEY}]`, existing(`keys: [${KEY}]`))).toEqual([]);
  });

  it('name each member as the file does', () => {
    const members = `audiences: [a], receives: [], exchange: [{ to: a, scopes: subset }], service: { roles: [] }, jwks_uri: 'https://b.example/k', ${WORKLOAD}`;
    expect(shown(members, existing('ttl: 5m'))).toEqual([
      { field: 'audiences', from: null, to: ['a'] },
      { field: 'receives', from: null, to: [] },
      { field: 'exchange', from: null, to: [{ to: 'a', scopes: 'subset' }] },
      { field: 'service', from: null, to: { roles: [] } },
      { field: 'jwks_uri', from: null, to: 'https://b.example/k' },
      { field: 'workload', from: null, to: { issuer: 'ci', conditions: { sub: ['a'] } } },
    ]);
  });
});
