import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { readCompleteTenants } from '../../../testing/complete-tenants.ts';
import type { ClientSpec } from '../tenants-file.ts';
import { describeFault } from '../validation-error.ts';

const CONTEXT = { federationAllowedHosts: [], federationPrivateHosts: [], publicUrl: 'https://tokens.example.com' };

/** The client's members stand on line 14 on. */
function file(members: string, policy = ''): string {
  return `apiVersion: tessera/v1
tenants:
  - id: acme
    database: { driver: sqlite }
    issuers:
      - { id: ci, issuer: 'https://ci.example', audiences: [tessera], conditions: none, subject: { match: linked }, clients: [], surfaces: [user] }
    roles: [{ name: biller, scopes: [] }, { name: auditor, scopes: [] }]
    projects:
      - id: shop
        clients:
          - id: billing
            surfaces: [user]
            scopes: unbounded
            subjects: any${policy}
            ${members}
`;
}

function client(members: string, policy?: string): ClientSpec {
  const result = readCompleteTenants(file(members, policy), CONTEXT);
  if ('errors' in result) throw new Error(JSON.stringify(result.errors));
  return result.file.tenants[0]!.projects[0]!.clients[0]!;
}

function faults(members: string, policy?: string): string[] {
  const result = readCompleteTenants(file(members, policy), CONTEXT);
  return 'errors' in result
    ? result.errors.map((error) =>
        `${error.line}:${error.column} ${describeFault(error)}`.replace(/^(\d+:\d+) .*?"billing": /, '$1 '),
      )
    : [];
}

type Jwk = Readonly<Record<string, unknown>>;
const exported = (key: { export(options: { format: 'jwk' }): JsonWebKey }): Jwk => ({
  ...key.export({ format: 'jwk' }),
});
const ec = (namedCurve: string): Jwk => exported(generateKeyPairSync('ec', { namedCurve }).publicKey);
const rsa = (modulusLength: number, publicExponent = 65_537): Jwk =>
  exported(generateKeyPairSync('rsa', { modulusLength, publicExponent }).publicKey);
const P256 = ec('P-256');
const PRIVATE = exported(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
/** A modulus as the generator of CVE-2017-15361 makes it: of the form that its primes share. */
const ROCA_MODULUS =
  [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
  ].reduce((product, prime) => product * BigInt(prime), 1n << 1_850n) + 65_537n;
const ROCA: Jwk = {
  ...rsa(2_048),
  n: Buffer.from(ROCA_MODULUS.toString(16).padStart(516, '0'), 'hex').toString('base64url'),
};
const KEY: Jwk = { ...P256, kid: 'k1', alg: 'ES256' };
const keys = (...jwks: readonly unknown[]): string => `keys: ${JSON.stringify(jwks)}`;

describe('the members of a client for the token endpoint', () => {
  it('are those of a client that no file has given any, when they are left out', () => {
    const { audiences, receives, exchange, service, keys: none, jwksUri, workload, policy } = client('');
    expect({ audiences, receives, exchange, service, keys: none, jwksUri, workload, policy }).toEqual({
      audiences: [],
      receives: undefined,
      exchange: [],
      service: undefined,
      keys: [],
      jwksUri: undefined,
      workload: undefined,
      policy: { kind: 'confidential' },
    });
  });

  it('are read in a canonical order', () => {
    const first = client(
      `audiences: [b, a]
            receives: [shop, orders]
            exchange: [{ to: stock, scopes: subset }, { to: orders, scopes: [w, r] }]
            service: { roles: [biller, auditor] }
            workload: { issuer: ci, conditions: { sub: [b, a], aud_kind: { contains: x } } }`,
    );
    expect(first).toMatchObject({
      audiences: ['a', 'b'],
      receives: ['orders', 'shop'],
      exchange: [
        { to: 'orders', scopes: ['r', 'w'] },
        { to: 'stock', scopes: 'subset' },
      ],
      service: { roles: ['auditor', 'biller'] },
      workload: {
        issuer: 'ci',
        conditions: [
          ['aud_kind', { contains: 'x' }],
          ['sub', ['a', 'b']],
        ],
      },
    });
  });

  it('tell "its own audience" from "none" in receives', () => {
    expect(client('receives: []').receives).toEqual([]);
    expect(client('receives: null').receives).toBeUndefined();
  });

  it('give a new client without a policy no secret exactly if it has something else to authenticate with', () => {
    for (const member of [
      keys(KEY),
      'jwks_uri: https://billing.example/keys',
      'workload: { issuer: ci, conditions: { /sub: a } }',
    ]) {
      expect(client(member).policy).toEqual({ kind: 'assertion' });
      expect(client(member, '\n            policy: null').policy).toEqual({ kind: 'assertion' });
      expect(client(member, '\n            policy: confidential').policy).toEqual({ kind: 'confidential' });
    }
    expect(client('keys: []').policy).toEqual({ kind: 'confidential' });
    expect(client('service: { roles: [] }').policy).toEqual({ kind: 'confidential' });
  });
});

describe('the public keys of a client', () => {
  const good: readonly (readonly [string, Jwk])[] = [
    ['EC P-256', KEY],
    ['EC P-384', { ...ec('P-384'), kid: 'a', alg: 'ES384' }],
    ['EC P-521', { ...ec('P-521'), kid: 'a', alg: 'ES512' }],
    ['RSA of 2048 bits', { ...rsa(2_048), kid: 'a', alg: 'PS256' }],
    ['Ed25519', { ...exported(generateKeyPairSync('ed25519').publicKey), kid: 'a', alg: 'EdDSA' }],
    ['a kid of 100 characters', { ...P256, kid: 'k'.repeat(100), alg: 'ES256' }],
  ];
  it.each(good)('are kept as they are: %s', (_, jwk) => {
    expect(client(keys(jwk)).keys).toEqual([jwk]);
  });

  it('are stored with their public members only, sorted by kid', () => {
    const other = { ...ec('P-256'), kid: 'k0', alg: 'ES256' };
    const pasted = { ...KEY, use: 'sig', key_ops: ['verify'], x5c: ['MII'], ext: true, comment: 'ours' };
    expect(client(keys(pasted, other)).keys).toEqual([other, KEY]);
  });

  it('have one name for the algorithm of Ed25519', () => {
    const jwk = exported(generateKeyPairSync('ed25519').publicKey);
    expect(client(keys({ ...jwk, kid: 'a', alg: 'Ed25519' })).keys).toEqual([{ ...jwk, kid: 'a', alg: 'EdDSA' }]);
  });

  it.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'])('are refused with the private member %s', (member) => {
    expect(faults(keys({ ...KEY, [member]: 'AAAA', kid: 1 }))).toEqual([
      expect.stringMatching(
        /^15:\d+ keys\[0\]: is a private or secret key, and must be considered leaked: make a new /,
      ),
    ]);
  });

  it('never repeat a private key', () => {
    expect(faults(keys(PRIVATE)).join()).not.toContain(String(PRIVATE['d']));
  });

  const bad: readonly (readonly [string, unknown, RegExp])[] = [
    ['no kid', { ...P256, alg: 'ES256' }, /needs "kid"/],
    ['a kid with a space', { ...KEY, kid: 'a b' }, /keys\[0\]\.kid must be a text of 1 to 100/],
    ['an empty kid', { ...KEY, kid: '' }, /1 to 100/],
    ['a kid of 101 characters', { ...KEY, kid: 'k'.repeat(101) }, /1 to 100/],
    ['a kid that is a number', { ...KEY, kid: 1 }, /1 to 100/],
    ['no alg', { ...P256, kid: 'a' }, /needs "alg"/],
    ['an HMAC alg', { ...KEY, alg: 'HS256' }, /not an algorithm of a public key/],
    ['alg none', { ...KEY, alg: 'none' }, /not an algorithm of a public key/],
    ['an alg in lower case', { ...KEY, alg: 'es256' }, /not an algorithm of a public key/],
    ['an alg of another curve', { ...KEY, alg: 'ES384' }, /alg: does not fit the key/],
    ['an alg of another type', { ...KEY, alg: 'RS256' }, /alg: does not fit the key/],
    ['a key for encryption', { ...KEY, use: 'enc' }, /use: says that the key is for something else/],
    ['a key that only signs', { ...KEY, key_ops: ['sign'] }, /key_ops: says that the key is for something else/],
    ['RSA of 1024 bits', { ...rsa(1_024), kid: 'a', alg: 'RS256' }, /RSA under 2048 bits/],
    ['RSA with exponent 3', { ...rsa(2_048, 3), kid: 'a', alg: 'RS256' }, /RSA exponent under 65537/],
    ['RSA of a broken generator', { ...ROCA, kid: 'a', alg: 'RS256' }, /RSA key of a broken generator/],
    ['secp256k1', { ...ec('secp256k1'), kid: 'a', alg: 'ES256' }, /does not fit the key/],
    ['Ed448', { ...exported(generateKeyPairSync('ed448').publicKey), kid: 'a', alg: 'EdDSA' }, /does not fit the key/],
    [
      'X25519',
      { ...exported(generateKeyPairSync('x25519').publicKey), kid: 'a', alg: 'EdDSA' },
      /does not fit the key/,
    ],
    ['a point that is not on the curve', { ...KEY, x: KEY['y'] }, /not a public key that can be used/],
    ['no kty', { kid: 'a', alg: 'ES256' }, /not a public key that can be used/],
    ['a text', 'ssh-ed25519 AAAA', /must be a public key as a JWK/],
  ];
  it.each(bad)('are refused: %s', (_, jwk, message) => {
    expect(faults(keys(jwk))).toEqual([expect.stringMatching(message)]);
  });

  it('are refused with all that is wrong at once', () => {
    const [kid, alg, use] = faults(`keys:
              - { kid: 'a b', alg: HS256, use: enc, ${JSON.stringify(P256).slice(1)}`);
    expect(kid).toMatch(/^16:\d+ keys\[0\].kid/);
    expect(alg).toMatch(/^16:\d+ keys\[0\].alg/);
    expect(use).toMatch(/^16:\d+ keys\[0\].use/);
  });

  it('have each their own kid', () => {
    expect(faults(keys(KEY, { ...ec('P-256'), kid: 'k1', alg: 'ES256' }))).toEqual([
      expect.stringContaining('another key of this client has this kid'),
    ]);
  });

  it('are at most 20', () => {
    const many = (count: number) =>
      keys(...Array.from({ length: count }, (_, index) => ({ ...KEY, kid: `k${index}` })));
    expect(faults(many(20))).toEqual([]);
    expect(faults(many(21))).toEqual([expect.stringContaining('must list at most 20')]);
  });
});

const MANAGE = /must not be urn:tessera:manage until the management API exists/;
const many = (count: number): string => `[${Array.from({ length: count }, (_, index) => `a${index}`).join()}]`;

describe('a refused member', () => {
  it.each<readonly [string, RegExp]>([
    ['audience: urn:tessera:manage', MANAGE],
    ['audiences: [urn:tessera:manage]', MANAGE],
    ['receives: [urn:tessera:manage]', MANAGE],
    ['exchange: [{ to: urn:tessera:manage, scopes: subset }]', MANAGE],
    ['audiences: [a b]', /audiences\[0\] must be a text of 1 to 255/],
    ["audiences: ['*']", /compared to the letter/],
    ["receives: ['a-{tenant_id}']", /compared to the letter/],
    ["exchange: [{ to: '*', scopes: subset }]", /compared to the letter/],
    ['audiences: [a, a]', /appears twice/],
    ['audiences: [shop]', /audiences\[0\] must not repeat the client's own audience, "shop"/],
    [`audiences: ${many(101)}`, /at most 100/],
    [`receives: ${many(101)}`, /at most 100/],
    ['exchange: [{ to: a, scopes: subset }, { to: a, scopes: [r] }]', /exchange\[1\]\.to: appears twice/],
    ['exchange: [{ to: a }]', /an exchange needs "scopes": write "scopes: subset"/],
    ['exchange: [{ scopes: subset }]', /an exchange needs "to"/],
    ['exchange: [{ to: a, scopes: [] }]', /must list at least one/],
    ['exchange: [{ to: a, scopes: all }]', /must be a list/],
    ["exchange: [{ to: a, scopes: ['a b'] }]", /a name of 1 to 128/],
    ['exchange: [{ to: a, scopes: subset, ttl: 5m }]', /an exchange has no key "ttl"/],
    [
      `exchange: [${Array.from({ length: 101 }, (_, index) => `{ to: a${index}, scopes: subset }`).join()}]`,
      /at most 100/,
    ],
    ['service: {}', /service needs "roles"/],
    ['service: [biller]', /service must be a map/],
    ['service: { roles: [boss] }', /there is no role "boss": declare it under "roles"/],
    [`service: { roles: ${many(101)} }`, /at most 100/],
    ['jwks_uri: http://billing.example/keys', /jwks_uri must be an https URL/],
    ['jwks_uri: https://10.0.0.1/keys', /loopback, private or reserved/],
    ['jwks_uri: https://billing.example/keys#a', /fragment/],
    [`jwks_uri: https://billing.example/keys\n            ${keys(KEY)}`, /jwks_uri must not be beside the other/],
    ['workload: { conditions: { sub: a } }', /workload needs "issuer"/],
    ['workload: { issuer: ci }', /workload needs "conditions"/],
    ['workload: { issuer: other, conditions: { sub: a } }', /there is no issuer "other": declare it under "issuers"/],
    ['workload: { issuer: https://ci.example, conditions: { sub: a } }', /an id: 1 to 64/],
    ['workload: { issuer: ci, conditions: none }', /must be a map of claims and their allowed values, at least one$/],
    ['workload: { issuer: ci, conditions: {} }', /must be a map of claims and their allowed values, at least one$/],
    ['workload: { issuer: ci, conditions: { repository: a } }', /must say which workload it is: write "sub"/],
    ['workload: { issuer: ci, conditions: { sub: { contains: a } } }', /must say which workload it is: write "sub"/],
    ['workload: { issuer: ci, conditions: { sub: { has_key: a } } }', /must say which workload it is: write "sub"/],
    ["workload: { issuer: ci, conditions: { sub: 'repo:*' } }", /compared to the letter/],
    ['policy: assertion', /must be "confidential" or/],
  ])('%s', (member, message) => {
    const found = faults(member).filter((fault) => !fault.includes('there is no role "a'));
    expect(found).toEqual([expect.stringMatching(message)]);
    expect(found[0]).toMatch(/^1[56]:\d+ /);
  });

  it.each(['exchange: [{ to: a, scopes: subset }]', 'service: { roles: [biller] }'])(
    '%s of a secretless client, unless it has keys',
    (member) => {
      const policy = '\n            policy: { secretless: { networks: [10.0.0.0/8] } }';
      expect(faults(member, policy)).toEqual([
        expect.stringMatching(/: a secretless client cannot authenticate at the token endpoint: write keys/),
      ]);
      expect(faults(`${member}\n            ${keys(KEY)}`, policy)).toEqual([]);
    },
  );
});
