import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { type CompleteResult, readCompleteTenants } from '../../testing/complete-tenants.ts';
import { NO_TOKEN_ENDPOINT_MEMBERS } from '../../tenancy/client-rows.ts';
import { MAX_FILE_BYTES } from './yaml-source.ts';
import { replaceEach, replaceEvery } from '../../../libs/token/test/replace-once.ts';

const GOOD = `apiVersion: tessera/v1
tenants:
  - id: acme
    name: Acme Ltd
    status: active
    database: { driver: mysql, host: db1, port: 3306, name: t_acme }
    tokens: { alg: ES256, ttl: 15m }
    issuers:
      - id: corp
        issuer: https://idp.example.com/realms/acme
        jwks_uri: https://idp.example.com/keys
        audiences: [tessera-acme]
        algorithms: [RS256]
        conditions: { hd: acme.example, level: [1, 2] }
        subject: { match: email, domains: [acme.example] }
        clients: [web]
        surfaces: [user]
        max_age: 10m
        max_lifetime: 24h
    projects:
      - id: shop
        name: Shop
        clients:
          - id: web
            policy: confidential
            surfaces: [admin, user]
            audience: shop-api
            scopes: ["orders:read", "orders:write"]
            subjects: { domains: [acme.example] }
            ttl: 10m
          - id: kiosk
            policy: { secretless: { networks: [10.0.0.0/8] } }
            surfaces: [user]
            scopes: unbounded
            subjects: any
    scopes:
      - { name: "orders:read", resource: orders }
      - { name: "orders:write", resource: orders }
    roles:
      - { name: manager, scopes: ["orders:read", "orders:write"] }
    groups:
      - { name: sales, roles: [manager] }
    users:
      - { id: u-ada, email: ada@acme.example, roles: [], groups: [sales], identities: [{ issuer: corp, sub: "1" }] }
      - { id: u-bob, email: bob@acme.example }
    admins:
      - { id: a-root, email: root@acme.example, roles: [tenant-admin], scopes: ["tenant:manage"] }
      - { id: a-ada, email: ada@acme.example }
  - id: globex
    database: { driver: sqlite }
`;

const CONTEXT = {
  federationAllowedHosts: ['127.0.0.1:4000'],
  federationPrivateHosts: ['idp'],
  publicUrl: 'https://tokens.example.com',
};

function read(text: string): CompleteResult {
  return readCompleteTenants(text, CONTEXT);
}

/** The number of the valid file's line that starts with the text, counted from 1. */
function lineOf(start: string): number {
  const line = GOOD.split('\n').findIndex((text) => text.trim().startsWith(start));
  if (line === -1) throw new Error(`no line starts with ${start}`);
  return line + 1;
}

function replaced(line: number, from: string | RegExp, to: string): string {
  const lines = GOOD.split('\n');
  const before = lines[line - 1]!;
  const after = before.replace(from, to);
  if (after === before) throw new Error(`line ${line} does not have ${String(from)}`);
  lines[line - 1] = after;
  return lines.join('\n');
}

describe('a valid file', () => {
  it('is read completely, with defaults filled in and sets sorted', () => {
    const result = read(GOOD);
    if (!('file' in result)) throw new Error(JSON.stringify(result.errors));
    const [acme, globex] = result.file.tenants;
    expect(acme!.projects[0]!.clients).toEqual([
      {
        id: 'web',
        status: 'active',
        policy: { kind: 'confidential' },
        surfaces: ['admin', 'user'],
        audience: 'shop-api',
        scopes: ['orders:read', 'orders:write'],
        subjects: { domains: ['acme.example'] },
        ttlSeconds: 600,
        ...NO_TOKEN_ENDPOINT_MEMBERS,
      },
      {
        id: 'kiosk',
        status: 'active',
        policy: { kind: 'secretless', networks: ['10.0.0.0/8'] },
        surfaces: ['user'],
        audience: 'shop',
        scopes: 'unbounded',
        subjects: 'any',
        ttlSeconds: undefined,
        ...NO_TOKEN_ENDPOINT_MEMBERS,
      },
    ]);
    expect(acme!.issuers[0]).toMatchObject({
      issuer: 'https://idp.example.com/realms/acme',
      conditions: [
        ['hd', ['acme.example']],
        ['level', [1, 2]],
      ],
      maxAgeSeconds: 600,
      maxLifetimeSeconds: 86_400,
    });
    expect(acme!.users[0]!.identities).toEqual([{ issuer: 'https://idp.example.com/realms/acme', sub: '1' }]);
    expect(globex).toMatchObject({ name: 'globex', status: 'active', tokens: { algorithm: 'ES256', ttlSeconds: 900 } });
  });

  it('may use plain http for an allowed host', () => {
    expect(read(replaced(10, 'https://idp.example.com/realms/acme', 'http://127.0.0.1:4000/'))).toHaveProperty('file');
  });

  it('is the example', () => {
    expect(
      readCompleteTenants(readFileSync(new URL('../../../examples/acme.yaml', import.meta.url)), CONTEXT),
    ).toHaveProperty('file');
  });
});

it.each([
  'https://ADFS.lab.example/adfs',
  'http://adfs.lab.example/adfs/services/trust',
  'accounts.google.com',
  'kubernetes/serviceaccount',
  'https://10.0.0.1/?a=b#c',
  'urn:acme:idp',
  'joe',
  'Acme IdP',
  'x'.repeat(512),
])('an issuer with jwks_uri may be %s, and keeps it', (issuer) => {
  const text = replaceEach(GOOD, ['issuer: https://idp.example.com/realms/acme', `issuer: ${JSON.stringify(issuer)}`]);
  const result = readCompleteTenants(new TextEncoder().encode(text), CONTEXT);
  expect('file' in result && result.file.tenants[0]!.issuers[0]!.issuer).toBe(issuer);
});

it.each(['a b', ' a ', 'organization:acme:project:Default Project:run', 'é', 'e\u0301', '\u{1f600}'.repeat(255)])(
  'an identity may have the sub %j, and keeps it',
  (sub) => {
    const text = replaceEach(GOOD, ['sub: "1"', `sub: ${JSON.stringify(sub)}`]);
    const result = readCompleteTenants(new TextEncoder().encode(text), CONTEXT);
    expect('file' in result && result.file.tenants[0]!.users[0]!.identities[0]!.sub).toBe(sub);
  },
);

const WEB = lineOf('- id: web');
const NO_PATTERNS = /compared to the letter, and "(?:\*|\{tenantid\})" stands for nothing else/;
const SCOPES = lineOf('- { name: "orders:read"');
const USERS = lineOf('users:');
const ADMINS = lineOf('admins:');

/** Each row has one change of the valid file, the expected message, and its line, by default the changed one. */
const INVALID: [name: string, line: number, from: string | RegExp, to: string, message: RegExp, at?: string][] = [
  ['another apiVersion', 1, 'v1', 'v2', /one of tessera\/v1/, '1:13'],
  ['an unknown key of the file', 1, /^/, 'extra: 1\n', /no key "extra"/, '1:1'],
  ['an unknown key of a tenant', 4, 'name:', 'title:', /a tenant has no key "title": use id, name/, '4:5'],
  ['an id in capitals', 3, 'acme', 'Acme', /an id: 1 to 64/, '3:9'],
  ['an id with a slash', 3, 'acme', 'a/b', /an id/],
  ['an id of 65 characters', 3, 'acme', 'a'.repeat(65), /an id/],
  ['an id that YAML reads as a number', 3, 'acme', '17', /put it in quotes/],
  ['a tenant twice', lineOf('- id: globex'), 'globex', 'acme', /tenant "acme" appears twice \(the first is at 3:9\)/],
  ['an unknown status', 5, 'active', 'paused', /one of active, suspended/],
  ['a name with a control character', 4, 'Acme Ltd', '"a\\u0007b"', /control characters/],
  ['an unknown driver', 6, 'mysql', 'oracle', /one of sqlite, mysql/],
  ['no driver', 6, 'driver: mysql, ', '', /needs "driver"/],
  ['no database', 6, /^.*$/, '', /a tenant needs "database"/, '3:5'],
  ['SQLite with a host', lineOf('- id: globex') + 1, 'sqlite', 'sqlite, host: db1', /driver sqlite has no key "host"/],
  ['MySQL without a host', 6, 'host: db1, ', '', /needs "host"/],
  ['an invalid port', 6, '3306', '70000', /from 1 to 65535/, '6:49'],
  ['a database name that needs escaping', 6, 't_acme', '"t`acme"', /a database name/],
  ['an unknown directory', 6, /$/, '\n    directory: foreign', /one of managed, external/, '7:16'],
  ['an unknown algorithm', 7, 'ES256', 'HS256', /one of ES256, RS256, EdDSA/, '7:20'],
  ['a duration without unit', 7, '15m', '900', /a duration such as/],
  ['a zero duration', 7, '15m', '0s', /a duration such as/],
  ['a lifetime above 24 h', 7, '15m', '25h', /at most 24h/],
  [
    'an issuer of this service',
    10,
    'idp.example.com/realms/acme',
    'tokens.example.com/tenants/globex',
    /issuer of this service itself/,
  ],
  [
    'an issuer that is not ASCII',
    10,
    'idp.example',
    'idp.exämple',
    /printable ASCII characters, without spaces at the ends/,
  ],
  [
    'an issuer with a space at its end',
    10,
    /https.*$/,
    '"adfs "',
    /printable ASCII characters, without spaces at the ends/,
  ],
  ['an empty issuer', 10, /https.*$/, '""', /printable ASCII characters, without spaces at the ends/],
  [
    'an issuer with a placeholder',
    10,
    'realms/acme',
    '{tenantid}/v2.0',
    /"\{tenantid\}" stands for nothing else/,
    '10:17',
  ],
  ['an issuer with a star', 10, 'realms/acme', 'realms/*', /compared to the letter, and "\*"/, '10:17'],
  ['an audience with a star', 12, 'tessera-acme', "'api://*'", /compared to the letter, and "\*"/, '12:21'],
  [
    'an audience with a placeholder',
    12,
    'tessera-acme',
    "'a-{tenant_id}'",
    /"\{tenant_id\}" stands for nothing/,
    '12:21',
  ],
  ['a condition with a star', 14, 'acme.example', "'*.example'", /compared to the letter, and "\*"/, '14:27'],
  ['a condition with a star in a list', 14, 'acme.example', "[a, 'b*']", /compared to the letter, and "\*"/, '14:31'],
  ['a condition with a placeholder', 14, 'acme.example', "'{TenantId}'", /"\{TenantId\}" stands for nothing/, '14:27'],
  ['an issuer that is too long for an index', 10, 'acme', 'a'.repeat(500), /at most 512/],
  ['a key set on loopback', 11, 'idp.example.com', '127.0.0.1', /loopback/],
  ['no audience', 12, 'tessera-acme', '', /at least one/, '12:20'],
  ['the algorithm none', 13, 'RS256', 'none', /do not prove who signed/],
  ['an HMAC algorithm', 13, 'RS256', 'HS256', /do not prove who signed/],
  ['an algorithm in lower case', 13, 'RS256', 'rs256', /one of RS256/],
  ['no algorithm', 13, 'RS256', '', /at least one/],
  ['a key_use that is another purpose', 13, /$/, '\n        key_use: enc', /one of jwt-svid/, '14:18'],
  ['a key_use that is sig', 13, /$/, '\n        key_use: sig', /one of jwt-svid/, '14:18'],
  ['a key_use that is a list', 13, /$/, '\n        key_use: [jwt-svid]', /one of jwt-svid/, '14:18'],
  ['a typ that is a pattern', 13, /$/, '\n        typ: ["*"]', /a media type .*no patterns/, '14:15'],
  ['a typ with parameters', 13, /$/, '\n        typ: [jwt;x=1]', /a media type/, '14:15'],
  ['a typ that is empty', 13, /$/, '\n        typ: [""]', /a media type/, '14:15'],
  ['a typ that is a number', 13, /$/, '\n        typ: [1]', /a media type .*put it in quotes/, '14:15'],
  ['a typ that is no list', 13, /$/, '\n        typ: JOSE', /must be a list/, '14:14'],
  ['a typ twice', 13, /$/, '\n        typ: [JOSE, application/jose]', /appears twice/, '14:21'],
  ['no condition in words', 14, /\{.*\}/, '{}', /or the word "none"/],
  ['conditions left out', 14, /^.*$/, '', /needs "conditions": .*"conditions: none"/, '9:9'],
  ['a condition that allows nothing', 14, 'acme.example', '[]', /must allow at least one value/],
  ['a condition on an object', 14, 'acme.example', '{ a: 1 }', /a text, a whole number, true or false/],
  [
    'a condition with two forms',
    14,
    'acme.example',
    '{ contains: a, has_key: b }',
    /\{ contains: .* \} or \{ has_key: /,
  ],
  ['a condition with no form', 14, 'acme.example', '{}', /\{ contains: .* \} or \{ has_key: /],
  ['a form in a list', 14, 'acme.example', '[{ contains: a }]', /a text, a whole number, true or false/],
  ['a word with a space', 14, 'acme.example', '{ contains: a b }', /without spaces/],
  ['an empty word', 14, 'acme.example', '{ contains: "" }', /1 to 255/],
  ['a list of words', 14, 'acme.example', '{ contains: [a, b] }', /a text of 1 to 255/],
  ['a word that is a number', 14, 'acme.example', '{ contains: 1 }', /put it in quotes/],
  ['an empty key', 14, 'acme.example', '{ has_key: "" }', /a text of 1 to 200/],
  ['a key that is a number', 14, 'acme.example', '{ has_key: 1 }', /put it in quotes/],
  ['a pattern for an azp', 12, /$/, '\n        azp: [web, "*"]', NO_PATTERNS, '13:20'],
  ['a pattern for a claim', 14, 'hd:', '"hd*":', NO_PATTERNS],
  ['a pattern in a path', 14, 'hd:', '/realm_access/*:', NO_PATTERNS],
  ['a pattern for a word', 14, 'acme.example', '{ contains: "orders.*" }', NO_PATTERNS],
  ['a pattern for a key', 14, 'acme.example', '{ has_key: "*" }', NO_PATTERNS],
  ['a path that is no JSON pointer', 14, 'hd:', '/a~2:', /a JSON pointer, with ~0/],
  ['an azp that lists nobody', 12, /$/, '\n        azp: []', /must list at least one/, '13:14'],
  ['an azp that is no list', 12, /$/, '\n        azp: web', /must be a list/, '13:14'],
  ['another claim for the audience', 12, /$/, '\n        audience_claim: azp', /one of client_id/, '13:25'],
  ['aud by its name', 12, /$/, '\n        audience_claim: aud', /one of client_id/, '13:25'],
  ['another word for email_verified', 12, /$/, '\n        email_verified: "true"', /one of text_allowed/, '13:25'],
  ['email_verified as a boolean', 12, /$/, '\n        email_verified: true', /one of text_allowed/, '13:25'],
  [
    'text_allowed without addresses',
    15,
    /subject: .*$/,
    'subject: { match: linked }\n        email_verified: text_allowed',
    /must be left out without "match: email"/,
    '16:25',
  ],
  [
    'audience_claim without a condition',
    14,
    /\{.*\}/,
    'none\n        audience_claim: client_id',
    /a claim besides client_id, iss and aud/,
  ],
  [
    'audience_claim with a condition on client_id alone',
    14,
    /\{.*\}/,
    '{ client_id: a, /client_id: a, iss: b }\n        audience_claim: client_id',
    /a claim besides client_id, iss and aud/,
  ],
  ['an unknown match', 15, 'match: email', 'match: name', /one of email, linked/],
  ['an e-mail match without domains', 15, ', domains: [acme.example]', '', /needs "domains"/],
  ['domains for linked identities', 15, 'email', 'linked', /no meaning/],
  ['a domain with a wildcard', 15, 'acme.example', '"*.example"', /a domain in ASCII/],
  ['an issuer for a missing client', 16, 'web', 'app', /there is no client "app"/, '16:19'],
  ['clients of an issuer left out', 16, /^.*$/, '', /needs "clients"/, '9:9'],
  ['surfaces of an issuer left out', 17, /^.*$/, '', /needs "surfaces"/, '9:9'],
  ['a max_age above 24 h', 18, '10m', '2d', /at most 24h/],
  ['a project twice', WEB - 4, /$/, '\n      - { id: shop }', /project "shop" appears twice/, '22:13'],
  ['a client twice', WEB + 7, 'kiosk', 'web', /client "web" appears twice/],
  ['an unknown policy', WEB + 1, 'confidential', 'public', /must be "confidential" or/],
  ['a secretless client in words only', WEB + 1, 'confidential', 'secretless', /must be "confidential" or/],
  ['an unknown surface', WEB + 2, 'admin, user', 'root', /one of admin, user/],
  ['surfaces left out', WEB + 2, /^.*$/, '', /needs "surfaces"/, `${WEB}:13`],
  ['scopes left out', WEB + 4, /^.*$/, '', /needs "scopes": .*"scopes: unbounded"/, `${WEB}:13`],
  ['scopes that are empty text', WEB + 4, /\[.*\]/, '""', /must be a list/],
  ['subjects left out', WEB + 5, /^.*$/, '', /needs "subjects": .*"subjects: any"/, `${WEB}:13`],
  ['subjects without domains', WEB + 5, '[acme.example]', '[]', /at least one/],
  ['a lifetime above the tenant’s', WEB + 6, '10m', '16m', /at most the tenant's ttl, 15m/],
  ['a secretless client on the admin surface', WEB + 9, 'user', 'admin, user', /user surface only/],
  ['a secretless client from nowhere', WEB + 8, '10.0.0.0/8', '', /at least one/],
  ['a secretless client from everywhere', WEB + 8, '10.0.0.0/8', '0.0.0.0/0', /not \/0/],
  ['a network with bits behind its prefix', WEB + 8, '10.0.0.0/8', '10.0.0.1/8', /bits after the prefix/],
  ['an address in place of a network', WEB + 8, '10.0.0.0/8', '10.0.0.1', /a CIDR block/],
  ['a role without scopes', SCOPES + 3, /, scopes: .*\]/, '', /needs "scopes": list what it permits/],
  ['a scope with a space', SCOPES, '"orders:read"', '"orders:read", x: 1', /a scope has no key "x"/],
  ['a role with an unknown scope', SCOPES + 3, 'orders:read', 'orders:all', /no scope "orders:all"/],
  ['a role with a name of two words', SCOPES + 3, 'orders:read', 'orders read', /without space/],
  ['a role with a scope twice', lineOf('- { name: manager'), 'orders:write', 'orders:read', /twice in this list/],
  ['a group with an unknown role', lineOf('- { name: sales'), '[manager]', '[boss]', /no role "boss"/],
  ['a user in an unknown group', USERS + 1, '[sales]', '[staff]', /no group "staff"/],
  ['a user with an unknown role', USERS + 1, 'roles: []', 'roles: [boss]', /no role "boss"/],
  ['an identity of 256 characters', USERS + 1, 'sub: "1"', `sub: "${'é'.repeat(256)}"`, /1 to 255 characters/],
  ['an identity with a line break', USERS + 1, 'sub: "1"', 'sub: "a\\nb"', /without control characters/],
  ['an identity that is a number', USERS + 1, 'sub: "1"', 'sub: 1', /put it in quotes/],
  ['an identity with a star', USERS + 1, 'sub: "1"', 'sub: "repo:acme/*"', /compared to the letter, and "\*"/],
  ['an identity with a placeholder', USERS + 1, 'sub: "1"', 'sub: "{tenantid}"', /"\{tenantid\}" stands for nothing/],
  ['a user with an unknown issuer', USERS + 1, 'corp', 'home', /no issuer "home"/],
  ['a user with the id of a client', USERS + 2, 'u-bob', '"client:web"', /an id: .* not with "client:"/],
  ['an administrator with the id of a client', ADMINS + 2, 'a-ada', '"Client:web"', /an id: .* not with "client:"/],
  ['a user and an administrator of one id', ADMINS + 2, 'a-ada', 'u-ada', /user and administrator "u-ada" have one id/],
  ['a user twice', USERS + 2, 'u-bob', 'u-ada', /user "u-ada" appears twice/],
  ['one e-mail in two cases', USERS + 2, 'bob@acme', 'ADA@Acme', /user "u-bob" has the e-mail address of another/],
  ['an e-mail with an umlaut', USERS + 2, 'bob@', 'böb@', /an e-mail address in ASCII/],
  ['an e-mail with two @', USERS + 2, 'bob@', 'bob@@', /exactly one "@"/],
  ['an e-mail of 255 characters', USERS + 2, 'bob@', `bob@${'a'.repeat(250)}.`, /at most 254/],
  [
    'a list of things that is null',
    lineOf('- id: globex') + 1,
    /$/,
    '\n    users:',
    /must be a list; write \[\]/,
    `${lineOf('- id: globex') + 2}`,
  ],
  ['one e-mail of two administrators', ADMINS + 2, 'ada@', 'ROOT@', /administrator "a-ada" has the e-mail/],
  ['a group of an administrator', ADMINS + 2, '}', ', groups: [] }', /an administrator has no key "groups"/],
  ['a key twice', 4, 'name: Acme Ltd', 'id: acme', /"id" appears twice in one map/, '4:5'],
  ['a merge key', 4, 'name: Acme Ltd', '<<: { status: active }', /no key "<<"/],
  ['a tag', 4, 'Acme Ltd', '!!binary aGk=', /tags are not supported/],
  ['a second document', 4, /$/, '\n---\na: b', /more than one YAML document/, '5:1'],
];

describe('one error', () => {
  it.each(INVALID.map(([name, line, from, to, message, at = String(line)]) => ({ name, line, from, to, message, at })))(
    '$name',
    ({ line, from, to, message, at }) => {
      const result = read(replaced(line, from, to));
      const errors = 'errors' in result ? result.errors : [];
      expect(errors.map((error) => error.message)).toEqual([expect.stringMatching(message)]);
      expect(`${errors[0]!.line}:${errors[0]!.column}:`).toContain(`${at}:`);
    },
  );

  it.each([
    ['http', 'http://idp.example.com', /https URL/],
    ['a private address', 'https://10.0.0.1', /TESSERA_FEDERATION_ALLOWED_HOSTS/],
    ['user and password', 'https://me:pw@idp.example.com', /without user/],
    ['a query', 'https://idp.example.com/acme?a=b', /query/],
    ['capitals in its host', 'https://ADFS.lab.example/adfs', /lower case/],
    ['no scheme', 'accounts.google.com', /absolute https URL/],
  ])('an issuer with %s whose keys are found by discovery', (_, issuer, message) => {
    for (const uri of ['', '        jwks_uri: null\n']) {
      const text = replaceEach(
        GOOD,
        ['        jwks_uri: https://idp.example.com/keys\n', uri],
        ['issuer: https://idp.example.com/realms/acme', `issuer: ${issuer}`],
      );
      const result = read(text);
      const errors = 'errors' in result ? result.errors : [];
      expect(errors.map((error) => error.message)).toEqual([expect.stringMatching(message)]);
      expect(errors[0]!.message).toMatch(/; with jwks_uri it may be any text$/);
      expect(errors[0]!.line).toBe(10);
    }
  });

  it.each(['scopes', 'roles', 'groups', 'users'])('%s of an external directory', (part) => {
    const result = read(`apiVersion: tessera/v1
tenants:
  - id: acme
    database: { driver: mysql, host: db1, name: shop }
    directory: external
    ${part}: []
`);
    expect(result).toMatchObject({
      errors: [{ line: 6, column: 7 + part.length, message: expect.stringContaining(`remove "${part}" here`) }],
    });
  });

  it('an external directory in an embedded file', () => {
    const result = read(
      'apiVersion: tessera/v1\ntenants: [{ id: acme, database: { driver: sqlite }, directory: external }]\n',
    );
    expect(result).toMatchObject({
      errors: [{ line: 2, column: 64, message: expect.stringContaining('needs a database of driver mysql') }],
    });
  });

  it.each([['a tab', '    name', '\tname', 'tabs cannot indent YAML']])(
    '%s, with what follows from it',
    (_, from, to, message) => {
      expect(read(replaced(4, from, to))).toHaveProperty(
        'errors',
        expect.arrayContaining([expect.objectContaining({ line: 4, message: expect.stringContaining(message) })]),
      );
    },
  );

  it('says that a client named by an issuer must be one, when two projects have it', () => {
    const second = '\n      - { id: other, clients: [{ id: web, surfaces: [], scopes: [], subjects: any }] }';
    const result = read(replaced(WEB + 11, /$/, second));
    expect(result).toMatchObject({
      errors: [{ line: 16, column: 19, message: expect.stringContaining('2 projects have a client "web"') }],
    });
  });

  it('refuses one database for two tenants', () => {
    const result = read(
      replaced(lineOf('- id: globex') + 1, '{ driver: sqlite }', '{ driver: mysql, host: DB1, name: t_acme }'),
    );
    expect(result).toMatchObject({
      errors: [{ message: expect.stringContaining('it belongs to another tenant') }],
    });
  });
});

describe('a file with many errors', () => {
  it('has all of them reported together, in the order of its lines', () => {
    const text = replaceEach(GOOD, ['active', 'paused'], ['15m', '48h'], ['[manager]', '[boss]'], ['u-bob', 'u@b']);
    const result = read(text);
    expect('errors' in result && result.errors.map((error) => error.line)).toEqual([5, 7, 42, 45]);
  });

  it('never repeats a value that may be personal', () => {
    const result = read(replaceEvery(replaceEvery(GOOD, '@acme.example', '@@acme.example'), '"1"', '"se cret"'));
    expect(JSON.stringify(result)).not.toMatch(/ada@|se cret/);
  });
});

describe('a hostile file', () => {
  it.each([
    ['nothing', ''],
    ['a comment', '# nothing'],
    ['text', 'tenants'],
    ['a list', '- a'],
    ['flow lists without end', '['.repeat(100_000)],
    ['flow maps without end', '{a: '.repeat(100_000)],
    ['nested block lists', '- '.repeat(100_000)],
    ['nested keys', '? '.repeat(100_000)],
    ['a staircase', Array.from({ length: 3_000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['a laughing billion', `a: &a [x, x]\n${Array.from({ length: 60 }, (_, i) => `k${i}: &a [*a, *a]`).join('\n')}`],
    ['an alias of itself', 'tenants: &a [*a]'],
    ['many keys', Array.from({ length: 50_000 }, (_, i) => `k${i}: 1`).join('\n')],
    ['prototype names', '__proto__: { a: 1 }\nconstructor: 1\ntoString: 2'],
  ])('is refused without harm: %s', (_, text) => {
    expect(read(text)).toHaveProperty('errors.0.line');
    expect(Object.prototype).not.toHaveProperty('a');
  });

  it('is refused when it is not UTF-8 or too large', () => {
    expect(readCompleteTenants(Uint8Array.of(0xff, 0xfe), CONTEXT)).toMatchObject({
      errors: [{ line: 1, column: 1, message: expect.stringContaining('UTF-8') }],
    });
    expect(readCompleteTenants(new Uint8Array(MAX_FILE_BYTES + 1).fill(0x20), CONTEXT)).toMatchObject({
      errors: [{ message: expect.stringContaining('16 MiB') }],
    });
  });
});

describe('any text', () => {
  const anything = { numRuns: 300 };

  it('is read or refused, and never makes the reader throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        const result = read(text);
        return 'file' in result || result.errors.length > 0;
      }),
      anything,
    );
  });

  it('that is the valid file with one piece replaced is read or refused', () => {
    const piece = fc.constantFrom(
      '',
      ' ',
      '\n',
      '- ',
      '{',
      '}',
      '[',
      ']',
      ':',
      '&a ',
      '*a',
      '!x ',
      '"',
      "'",
      '|',
      '---\n',
      '\t',
      'é',
    );
    fc.assert(
      fc.property(fc.nat(GOOD.length), fc.nat(40), piece, (at, length, text) => {
        const result = read(GOOD.slice(0, at) + text + GOOD.slice(at + length));
        return 'file' in result || result.errors.every((error) => error.line >= 1 && error.column >= 1);
      }),
      anything,
    );
  });

  it('that is any YAML value in any place is read or refused', () => {
    const keys = fc.constantFrom('id', 'tenants', 'users', 'email', 'issuers', 'clients', 'database', 'policy', 'x');
    const value = fc.jsonValue({ maxDepth: 3 });
    fc.assert(
      fc.property(fc.dictionary(keys, value), fc.array(value), (tenant, users) => {
        const result = read(JSON.stringify({ apiVersion: 'tessera/v1', tenants: [tenant, { id: 'a', users }] }));
        return 'file' in result || result.errors.length > 0;
      }),
      anything,
    );
  });
});

describe('nesting', () => {
  const tenant = (index: number) => ({
    id: `t${index}`,
    database: { driver: 'sqlite' },
    tokens: { alg: 'ES256', ttl: '15m' },
  });

  it('accepts a file that a program wrote as JSON on one line', () => {
    const tenants = Array.from({ length: 200 }, (_, index) => tenant(index));
    const result = read(JSON.stringify({ apiVersion: 'tessera/v1', tenants }));
    expect('file' in result ? result.file.tenants.length : result.errors).toBe(200);
  });

  it('reports a place once, however many aliases lead to it', () => {
    const scopes = Array.from({ length: 100 }, (_, index) => `"bad scope ${index}"`).join(', ');
    const roles = Array.from({ length: 50 }, (_, index) => `{ name: r${index}, scopes: *s }`).join(', ');
    const result = read(`apiVersion: tessera/v1
tenants:
  - id: acme
    roles: [{ name: first, scopes: &s [${scopes}] }, ${roles}]
`);
    const errors = 'errors' in result ? result.errors : [];
    expect(errors.filter(({ owner }) => owner?.member.startsWith('scopes['))).toHaveLength(100);
  });

  it.each([
    ['flow lists', '['.repeat(20_000)],
    ['flow maps', '{a: '.repeat(20_000)],
    ['block lists on one line', '- '.repeat(20_000)],
    ['explicit keys', '? '.repeat(20_000)],
    ['explicit keys in a flow list', `[${'? '.repeat(20_000)}]`],
    ['values in a flow map', `{a${': a'.repeat(20_000)}}`],
    ['values in a flow map over many lines', `{a${': a\n '.repeat(20_000)}}`],
    ['block maps that go on after flow maps', '{}: '.repeat(20_000)],
    ['indentation', Array.from({ length: 2000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  ])('refuses too much of it in %s, without a crash', (_name, text) => {
    const result = read(text);
    expect('errors' in result && result.errors.length > 0).toBe(true);
  });
});
