import { ACME, GLOBEX, tenantsFile } from './files.ts';
import { TestInstallation } from './installation.ts';

let installation: TestInstallation;
beforeEach(async () => {
  installation = await TestInstallation.make();
});
afterEach(() => installation.remove());

const BOTH = tenantsFile(ACME, GLOBEX);
const BETA = `  - id: beta
    name: Beta "B" Ltd
    status: suspended
    database: { driver: sqlite }
    tokens: { alg: EdDSA, ttl: 5m }
    projects:
      - { id: shop, status: disabled, clients: [{ id: web, status: disabled, surfaces: [user], scopes: [a], subjects: any, ttl: 1m }] }
    scopes: [{ name: a, resource: r }, { name: b }]
    roles: [{ name: viewer, scopes: [a] }]
    groups: [{ name: staff, roles: [viewer] }]
    users: [{ id: u-eve, email: eve@beta.example, status: disabled, roles: [viewer], groups: [staff] }]
    admins: [{ id: a-eve, email: eve@beta.example, status: disabled, scopes: [s] }]
`;
const exported = async () => (await installation.run(['export'])).stdout;

describe('a plan', () => {
  beforeEach(() => installation.applied(tenantsFile(BETA)));

  it('says from what to what each member changes', async () => {
    const change = tenantsFile('  - { id: beta, status: active, tokens: { alg: ES256, ttl: 15m } }\n');
    const dryRun = await installation.apply(change, '--dry-run');
    expect(dryRun.stdout).toContain(
      '~ update tenant beta   status: suspended → active · alg: EdDSA → ES256 · ttl: 5m → 15m\n',
    );
    const fields = [
      { field: 'status', from: 'suspended', to: 'active' },
      { field: 'alg', from: 'EdDSA', to: 'ES256' },
      { field: 'ttl', from: '5m', to: '15m' },
    ];
    const planned = await installation.applied(change, '--dry-run');
    expect(planned.changes).toEqual([
      { action: 'update', kind: 'key_ring', id: 'beta', fields: [fields[1]] },
      { action: 'update', kind: 'tenant', id: 'beta', fields },
    ]);
    expect((await installation.applied(change)).changes).toEqual(planned.changes);
  });

  it('names the members of every kind of thing as the file does', async () => {
    const { changes } = await installation.applied(
      tenantsFile(`  - id: beta
    projects:
      - { id: shop, name: Shop, clients: [{ id: web, scopes: unbounded, ttl: null, policy: { secretless: { networks: [10.0.0.0/8] } } }] }
    scopes: [{ name: a, resource: null }]
    groups: [{ name: staff, roles: [] }]
    users: [{ id: u-eve, roles: [] }]
`),
    );
    expect(changes.map(({ kind, fields }) => [kind, ...fields])).toEqual([
      ['scope', { field: 'resource', from: 'r', to: null }],
      ['group', { field: 'roles', from: ['viewer'], to: [] }],
      ['user', { field: 'roles', from: ['viewer'], to: [] }],
      ['project', { field: 'name', from: 'shop', to: 'Shop' }],
      [
        'client',
        { field: 'policy', from: 'confidential', to: { secretless: { networks: ['10.0.0.0/8'] } } },
        { field: 'scopes', from: ['a'], to: 'unbounded' },
        { field: 'ttl', from: '1m', to: null },
      ],
    ]);
  });

  it('names an e-mail address, an identity and a value with an address, without the value', async () => {
    const change = tenantsFile(`  - id: beta
    name: mallory@beta.example
    issuers:
      - { id: i, issuer: 'https://idp.example.com', audiences: [a], conditions: none, subject: { match: linked }, clients: [], surfaces: [user] }
    users: [{ id: u-eve, email: mallory@beta.example, identities: [{ issuer: i, sub: mallory@beta.example }] }]
`);
    for (const format of ['json', 'text']) {
      const { stdout, stderr } = await installation.apply(change, '--dry-run', '--output', format);
      expect(stdout + stderr).not.toMatch(/eve@|mallory@/);
      if (format === 'text') expect(stdout).toContain('~ update user beta/u-eve   email (not shown) · identities (not');
      else
        expect((JSON.parse(stdout) as { changes: unknown }).changes).toContainEqual({
          action: 'update',
          kind: 'user',
          id: 'beta/u-eve',
          fields: [{ field: 'email' }, { field: 'identities' }],
        });
    }
  });

  it('quotes a value that looks like a part of the line', async () => {
    const { stdout } = await installation.apply(
      tenantsFile("  - { id: beta, name: 'x · status: a → b' }\n"),
      '--dry-run',
    );
    expect(stdout).toContain('name: "Beta \\"B\\" Ltd" → "x · status: a → b"\n');
  });
});

describe('a file that names a few things', () => {
  beforeEach(() => installation.applied(tenantsFile(BETA)));

  it('adds a user to a tenant, and nothing else changes', async () => {
    const before = await exported();
    const one = tenantsFile(
      '  - { id: beta, users: [{ id: u-new, email: new@beta.example, roles: [viewer], groups: [staff] }] }\n',
    );
    const { changes } = await installation.applied(one);
    const fields = [
      { field: 'email' },
      { field: 'status', from: null, to: 'active' },
      { field: 'roles', from: null, to: ['viewer'] },
      { field: 'groups', from: null, to: ['staff'] },
      { field: 'identities' },
    ];
    expect(changes).toEqual([{ action: 'create', kind: 'user', id: 'beta/u-new', fields }]);
    const after = await exported();
    expect(after.split('\n').filter((line) => !line.includes('u-new'))).toEqual(before.split('\n'));
    expect(await installation.applied(one)).toEqual({ changes: [], secrets: [] });
  });

  it('is the whole system again, member by member, when everything is only named', async () => {
    const named = tenantsFile(`  - id: beta
    tokens: {}
    database: {}
    projects: [{ id: shop, clients: [{ id: web }] }]
    scopes: [{ name: a }, { name: b }]
    roles: [{ name: viewer }]
    groups: [{ name: staff }]
    users: [{ id: u-eve }]
    admins: [{ id: a-eve }]
`);
    expect(await installation.applied(named)).toEqual({ changes: [], secrets: [] });
    expect(await installation.applied(named, '--prune')).toEqual({ changes: [], secrets: [] });
  });

  it('is restored by its export, where members had no value too', async () => {
    const issuer = `{ id: corp, issuer: 'https://idp.example.com', audiences: [shop], algorithms: [RS256], subject: { match: linked }, clients: [web],
        surfaces: [user], conditions: none }`;
    const withIssuer = `  - id: beta
    issuers: [${issuer}]
    projects: [{ id: shop, clients: [{ id: web, ttl: null }] }]
`;
    await installation.applied(tenantsFile(withIssuer));
    const before = await exported();
    const { changes } = await installation.applied(
      tenantsFile(`  - id: beta
    issuers: [{ id: corp, jwks_uri: 'https://idp.example.com/keys', typ: [vendor+jwt] }]
    projects: [{ id: shop, clients: [{ id: web, ttl: 1m }] }]
    scopes: [{ name: b, resource: books }]
    users: [{ id: u-eve, identities: [{ issuer: corp, sub: '1' }] }]
    admins: [{ id: a-eve, identities: [{ issuer: corp, sub: '2' }] }]
`),
    );
    expect(changes.map(({ kind }) => kind)).toEqual(['scope', 'user', 'client', 'issuer', 'admin']);
    await installation.applied(before, '--prune');
    expect(await exported()).toBe(before);
  });

  it('resets a member with null', async () => {
    await installation.applied(tenantsFile('  - { id: beta, name: null, status: null, tokens: { ttl: null } }\n'));
    expect(await exported()).toMatch(/name: beta\n {4}status: active\n.*\n {4}tokens: \{ alg: EdDSA, ttl: 15m \}/);
  });

  it.each([
    ['- { id: gamma }', '<stdin>:3:5: tenants[0] "gamma": a tenant needs "database"'],
    ['- { id: beta, status: }', 'tenants[0] "beta": status must have a value, or null'],
    ['- { id: beta, tokens: { ttl: } }', 'tokens.ttl must have a value, or null'],
    ['- { id: beta, users: [{ id: u-eve, status: }] }', 'users[0] "u-eve": status must have a value'],
    ['- { id: beta, database: null }', 'tenants[0] "beta": database must not be null'],
    ['- { id: beta, users: [{ id: u-new }] }', 'users[0] "u-new": a user needs "email"'],
    ['- { id: beta, users: [{ id: u-eve, roles: [boss] }] }', 'users[0] "u-eve": roles[0]: there is no role "boss"'],
    ['- { id: beta, roles: [{ name: viewer, scopes: [z] }] }', 'roles[0] "viewer": scopes[0]: there is no scope "z"'],
    [
      '- { id: beta, projects: [{ id: shop, clients: [{ id: "w/eb" }] }] }',
      'clients[0] "w/eb": id must be an id: 1 to 64',
    ],
    ['- { id: beta, tokens: { ttl: 30s } }', 'clients "web": ttl must be at most the tenant\'s ttl, 30s'],
  ])('is refused as a whole, naming thing and member: %s', async (tenant, fault) => {
    const before = await installation.fingerprint();
    const text = tenantsFile(`  - { id: other, database: { driver: sqlite } }\n  ${tenant}\n`);
    const result = await installation.apply(fault.startsWith('<stdin>') ? tenantsFile(`  ${tenant}\n`) : text);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain(fault.replace('tenants[0] "beta"', 'tenants[1] "beta"'));
    expect(await installation.fingerprint()).toEqual(before);
  });

  it('may use anchors and aliases', async () => {
    await installation.applied(
      tenantsFile(`  - id: gamma
    database: { driver: sqlite }
    scopes: [{ name: a }, { name: b }]
    roles:
      - { name: one, scopes: &all [a, b] }
      - { name: two, scopes: *all }
`),
    );
    expect(await exported()).toContain('{ name: two, scopes: [ a, b ] }');
  });
});

describe('a dry run', () => {
  it('fails where the apply would: another rotation waits', async () => {
    await installation.applied(BOTH);
    await installation.applied(tenantsFile('  - { id: acme, tokens: { alg: EdDSA } }\n'));
    const before = await installation.fingerprint();
    const again = tenantsFile(
      '  - { id: acme, name: New, tokens: { alg: RS256 }, users: [{ id: u-bob, status: disabled }] }\n',
    );
    for (const args of [['--dry-run'], []]) {
      const result = await installation.apply(again, ...args);
      expect(result.code).toBe(1);
      expect(result.stderr).toMatch(
        /tenant "acme" was not finished: its algorithm cannot change to RS256 now\. Key .* waits/,
      );
    }
    expect(await installation.fingerprint()).toEqual(before);
  });
});
