import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { isVisible } from '../../domain/text/visible-text.ts';
import { readCompleteTenants } from '../../testing/complete-tenants.ts';
import { diffControlPlane, diffDirectory } from '../plan/tenant-diff.ts';
import type { TenantsFile } from './tenants-file.ts';
import { writeTenantsFile } from './write-tenants-file.ts';

function read(text: string): TenantsFile {
  const result = readCompleteTenants(text, {
    federationAllowedHosts: [],
    federationPrivateHosts: [],
    publicUrl: 'https://tokens.example.com',
  });
  if (!('file' in result)) throw new Error(`${JSON.stringify(result.errors)}\n${text}`);
  return result.file;
}

const FULL = `apiVersion: tessera/v1
tenants:
  - id: "17"
    name: 'yes: "no" # 1'
    database: { driver: mysql, host: db1, name: "0x10" }
    tokens: { alg: EdDSA, ttl: 90s }
    issuers:
      - id: corp
        issuer: https://idp.example.com
        audiences: ["1", "true"]
        key_use: jwt-svid
        typ: ["007+jwt", JOSE, application/X-at+jwt]
        conditions: { __proto__: [true, "true", 1, "1"], "b:c": x, /a.b/c~1d: 7, scope: { contains: "1" }, roles: { has_key: "true" } }
        subject: { match: linked }
        clients: [web]
        surfaces: [user, admin]
      - id: pool
        issuer: https://pool.example.com
        audiences: ["1"]
        audience_claim: client_id
        azp: ["1", "off"]
        conditions: { token_use: access }
        email_verified: text_allowed
        subject: { match: email, domains: [acme.example] }
        clients: [web]
        surfaces: [user]
    projects:
      - { id: "0", clients: [] }
      - id: shop
        clients:
          - { id: web, surfaces: [user], scopes: [], subjects: any, policy: { secretless: { networks: [fd00::/8] } }, audiences: ["1", "off"], receives: [] }
          - { id: app, status: disabled, surfaces: [admin], scopes: ["*", "#a"], subjects: { domains: [A.example] }, exchange: [{ to: "0x1", scopes: ["!a", "*"] }, { to: "#b", scopes: subset }], service: { roles: ["!x"] } }
          - { id: job, surfaces: [user], scopes: [], subjects: any, receives: ["~"], keys: [{ kty: OKP, crv: Ed25519, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo, kid: "1e3", alg: EdDSA }] }
          - { id: pod, surfaces: [user], scopes: [], subjects: any, policy: confidential, jwks_uri: https://pod.example/keys, workload: { issuer: corp, conditions: { /sub: ["1", "true"], "b:c": x } } }
    scopes: [{ name: "null", resource: "~" }]
    roles: [{ name: "!x", scopes: ["null"] }]
    groups: [{ name: "&g", roles: ["!x"] }]
    users: [{ id: u, email: Ada@ACME.example, groups: ["&g"], identities: [{ issuer: corp, sub: "007" }] }]
    admins: [{ id: a, email: "'@x.example", scopes: ["-"] }]
`;

describe('writeTenantsFile', () => {
  it.each([
    ['the example', readFileSync(new URL('../../../examples/acme.yaml', import.meta.url), 'utf8')],
    ['every option and awkward text', FULL],
    ['no tenant', 'apiVersion: tessera/v1\ntenants: []\n'],
  ])('writes a file that reads back as the same: %s', (_, text) => {
    const file = read(text);
    const again = read(writeTenantsFile(file.tenants));
    expect(again.tenants.map(({ id }) => id)).toEqual(file.tenants.map(({ id }) => id));
    again.tenants.forEach((tenant, index) => {
      expect([...diffDirectory(file.tenants[index], tenant), ...diffControlPlane(file.tenants[index], tenant)]).toEqual(
        [],
      );
    });
  });

  it.each([
    'off',
    'yes',
    'y',
    'NO',
    '1e3',
    '0x1f',
    '1_000',
    '017',
    '12:30',
    '2026-01-01',
    '2026-01-01 12:30:00',
    '.5',
    '.inf',
    '=',
  ])('quotes what YAML 1.1 reads as another type: %s', (name) => {
    const [tenant] = read(FULL).tenants;
    const text = writeTenantsFile([{ ...tenant!, name, roles: [{ name, scopes: [name] }] }]);
    expect(text).toContain(`    name: '${name}'\n`);
    expect(text).toContain(`{ name: '${name}', scopes: [ '${name}' ] }`);
    expect((parse(text, { version: '1.1' }) as { tenants: { name: string }[] }).tenants[0]!.name).toBe(name);
  });

  it('writes every member of a client, so that an apply with --prune takes back what was added since', () => {
    const [, shop] = (parse(writeTenantsFile(read(FULL).tenants)) as { tenants: { projects: object[] }[] }).tenants[0]!
      .projects as { clients: Record<string, unknown>[] }[];
    const [app, job, pod, web] = shop!.clients;
    expect(app).toMatchObject({ policy: 'confidential', ttl: null, audiences: [], receives: null, keys: [] });
    expect(job).toMatchObject({ policy: null, exchange: [], service: null, jwks_uri: null, workload: null });
    expect(pod).toMatchObject({ policy: 'confidential', jwks_uri: 'https://pod.example/keys' });
    expect(web).toMatchObject({ receives: [], workload: null });
  });

  it('does not depend on the order of its input', () => {
    const [tenant] = read(FULL).tenants;
    const turned = { ...tenant!, projects: [...tenant!.projects].reverse() };
    expect(writeTenantsFile([turned])).toBe(writeTenantsFile([tenant!]));
  });

  it('is written as a person would write it', () => {
    const text = writeTenantsFile(
      read(readFileSync(new URL('../../../examples/acme.yaml', import.meta.url), 'utf8')).tenants,
    );
    expect(text).toContain(
      '      - { id: u-ada, email: ada@acme.example, status: active, roles: [], groups: [ sales ], identities: [] }',
    );
  });

  it.each([
    '\u001b[2K\u0007',
    'a\r\nb\n',
    '\u009b2K\u0085',
    '\u202eabc\u2066',
    '\u2028\u2029',
    '\u200b\ufeff',
    '\u{e0041}',
    '\t"\\',
  ])('escapes characters that a terminal acts on or does not show, and reads back the same: %j', (name) => {
    const [tenant] = read(FULL).tenants;
    const text = writeTenantsFile([
      { ...tenant!, name, roles: [{ name: `${name}${'long '.repeat(50)}`, scopes: [name] }] },
    ]);
    expect(text.split('\n').every(isVisible)).toBe(true);
    const [again] = (parse(text) as { tenants: { name: string; roles: unknown[] }[] }).tenants;
    expect(again).toMatchObject({ name, roles: [{ name: `${name}${'long '.repeat(50)}`, scopes: [name] }] });
  });
});
