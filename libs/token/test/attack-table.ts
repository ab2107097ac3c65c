import { createHmac, createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { TokenErrorCode } from '../src/verify/token-error.ts';
import { encode, forge, signer } from './forge.ts';
import { replaceOnce } from './replace-once.ts';

/** What an attack may use: far more than a real attacker has. Every row breaks one property of a good token. */
export interface AttackMaterial {
  /** The tenant's own signing key. Rows that are not about the key sign with it. */
  readonly privateKey: KeyObject;
  readonly kid: string;
  readonly alg: 'ES256' | 'RS256' | 'EdDSA';
  readonly publicJwk: JsonWebKey;
  /** The payload of a token that the verifier accepts. */
  readonly claims: Readonly<Record<string, unknown>>;
  readonly nowSeconds: number;
  /** Another tenant of the same Tessera, with its key. */
  readonly other: {
    readonly issuer: string;
    readonly tenantId: string;
    readonly kid: string;
    readonly privateKey: KeyObject;
  };
}

export interface AttackRow {
  /** The part of a token that the row changes. */
  readonly target: 'algorithm' | 'header' | 'kid' | 'encoding' | 'claims' | 'times' | 'size' | 'key';
  readonly name: string;
  /** More than one where it depends on what else the verifier trusts. */
  readonly codes: readonly TokenErrorCode[];
  /** Absent: for every verifier. */
  readonly only?: 'where the audience is checked' | 'where REVOKED_ROOT is revoked';
  readonly make: (material: AttackMaterial) => string;
}

/** The `jti` of the first token of a chain. For the rows about it, the verifier must know a revocation of this chain. */
export const REVOKED_ROOT = 'j-revoked-root';

const MALFORMED = ['TOKEN_MALFORMED'] as const;
const strangersEcKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const strangersRsaKey = generateKeyPairSync('rsa', { modulusLength: 2_048 });

export function goodHeader({ alg, kid }: AttackMaterial): Record<string, unknown> {
  return { typ: 'at+jwt', alg, kid };
}

/** The token that every row starts from: the verifier must accept it. */
export function goodToken(material: AttackMaterial): string {
  return withHeader({})(material);
}

/** Signed correctly; `undefined` leaves a member out. */
function withHeader(changes: Readonly<Record<string, unknown>>): AttackRow['make'] {
  return (material) =>
    forge({
      header: { ...goodHeader(material), ...changes },
      payload: material.claims,
      sign: signer(material.privateKey),
    });
}

function withClaims(changes: (material: AttackMaterial) => Readonly<Record<string, unknown>>): AttackRow['make'] {
  return (material) =>
    forge({
      header: goodHeader(material),
      payload: { ...material.claims, ...changes(material) },
      sign: signer(material.privateKey),
    });
}

/** Exact JSON texts, signed correctly. */
function withTexts(
  change: (header: string, payload: string, material: AttackMaterial) => readonly [string, string],
): AttackRow['make'] {
  return (material) => {
    const [header, payload] = change(JSON.stringify(goodHeader(material)), JSON.stringify(material.claims), material);
    return forge({ header, payload, sign: signer(material.privateKey) });
  };
}

function shown(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value);
}

function withHmacKey(name: string, key: (material: AttackMaterial) => Buffer | string): AttackRow {
  return {
    target: 'algorithm',
    name: `HS256 keyed with the public key as ${name}`,
    codes: ['TOKEN_ALGORITHM_REFUSED'],
    make: (material) =>
      forge({
        header: { ...goodHeader(material), alg: 'HS256' },
        payload: material.claims,
        sign: (input) => createHmac('sha256', key(material)).update(input).digest(),
      }),
  };
}

function publicKeyOf({ publicJwk }: AttackMaterial): KeyObject {
  return createPublicKey({ key: publicJwk, format: 'jwk' });
}

const ALGORITHMS: readonly AttackRow[] = [
  ...['none', 'None', 'NONE', 'nOnE'].flatMap((alg): AttackRow[] => [
    {
      target: 'algorithm',
      name: `alg ${alg} without a signature`,
      codes: ['TOKEN_ALGORITHM_REFUSED'],
      make: (material) =>
        forge({
          header: { ...goodHeader(material), alg },
          payload: material.claims,
          sign: () => Buffer.alloc(0),
        }),
    },
    {
      target: 'algorithm',
      name: `alg ${alg} with a right signature`,
      codes: ['TOKEN_ALGORITHM_REFUSED'],
      make: withHeader({ alg }),
    },
  ]),
  withHmacKey('PEM', (material) => publicKeyOf(material).export({ type: 'spki', format: 'pem' })),
  withHmacKey('DER', (material) => publicKeyOf(material).export({ type: 'spki', format: 'der' })),
  withHmacKey('JWK text', ({ publicJwk }) => JSON.stringify(publicJwk)),
  withHmacKey('raw coordinate', ({ publicJwk }) => Buffer.from(String(publicJwk.x ?? publicJwk.n), 'base64url')),
  withHmacKey('nothing', () => ''),
  ...['es256', 'ES384', 'ES256K', 'PS256', 'HS512', 'Ed25519', 'ES256 ', 'ES256\u0000'].map((alg): AttackRow => ({
    target: 'algorithm',
    name: `another alg over a right signature: ${JSON.stringify(alg)}`,
    codes: ['TOKEN_ALGORITHM_REFUSED'],
    make: withHeader({ alg }),
  })),
  {
    target: 'algorithm',
    name: 'another asymmetric alg, signed with a key of that type',
    codes: ['TOKEN_ALGORITHM_REFUSED'],
    make: (material) => {
      const alg = material.alg === 'RS256' ? 'ES256' : 'RS256';
      const { privateKey } = alg === 'ES256' ? strangersEcKey : strangersRsaKey;
      return forge({ header: { ...goodHeader(material), alg }, payload: material.claims, sign: signer(privateKey) });
    },
  },
  {
    target: 'algorithm',
    name: 'alg missing',
    codes: MALFORMED,
    make: withHeader({ alg: undefined }),
  },
  {
    target: 'algorithm',
    name: 'a signature of zeros (CVE-2022-21449)',
    codes: ['TOKEN_SIGNATURE_INVALID'],
    make: (material) => forge({ header: goodHeader(material), payload: material.claims, sign: () => Buffer.alloc(64) }),
  },
  {
    target: 'algorithm',
    name: 'no signature under the right alg',
    codes: ['TOKEN_SIGNATURE_INVALID'],
    make: (material) => forge({ header: goodHeader(material), payload: material.claims, sign: () => Buffer.alloc(0) }),
  },
  {
    target: 'algorithm',
    name: 'a right signature with a byte more',
    codes: ['TOKEN_SIGNATURE_INVALID'],
    make: (material) =>
      forge({
        header: goodHeader(material),
        payload: material.claims,
        sign: (input) => Buffer.concat([signer(material.privateKey)(input), Buffer.alloc(1)]),
      }),
  },
];

const HEADERS: readonly AttackRow[] = [
  ...Object.entries({
    jwk: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' },
    jku: 'https://attacker.example/jwks.json',
    x5u: 'https://attacker.example/cert.pem',
    x5c: ['MIIB'],
    'x5t#S256': 'AA',
    crit: ['exp'],
    b64: false,
    zip: 'DEF',
    cty: 'JWT',
    iss: 'https://attacker.example',
    tessera: true,
  }).map(([member, value]): AttackRow => ({
    target: 'header',
    name: `${member} in the header, signed rightly`,
    codes: MALFORMED,
    make: withHeader({ [member]: value }),
  })),
  {
    target: 'header',
    name: 'a key of the attacker in the header (CVE-2018-0114)',
    codes: MALFORMED,
    make: (material) =>
      forge({
        header: { ...goodHeader(material), jwk: strangersEcKey.publicKey.export({ format: 'jwk' }) },
        payload: material.claims,
        sign: signer(strangersEcKey.privateKey),
      }),
  },
  ...[
    undefined,
    'JWT',
    'jwt',
    'at+jwt ',
    ' at+jwt',
    'application/JWT',
    'id+jwt',
    'logout+jwt',
    '',
    7,
    null,
    ['at+jwt'],
  ].map((typ): AttackRow => ({
    target: 'header',
    name: `typ ${shown(typ)}`,
    codes: MALFORMED,
    make: withHeader({ typ }),
  })),
  {
    target: 'header',
    name: 'five parts',
    codes: MALFORMED,
    make: (material) => `${goodToken(material)}.${encode('x')}.${encode('y')}`,
  },
  {
    target: 'header',
    name: 'two parts',
    codes: MALFORMED,
    make: (material) => goodToken(material).split('.').slice(0, 2).join('.'),
  },
  {
    target: 'header',
    name: 'JSON serialization, flattened',
    codes: MALFORMED,
    make: (material) => {
      const [header, payload, signature] = goodToken(material).split('.');
      return JSON.stringify({ protected: header, payload, signature });
    },
  },
  {
    target: 'header',
    name: 'JSON serialization, general',
    codes: MALFORMED,
    make: (material) => {
      const [header, payload, signature] = goodToken(material).split('.');
      return JSON.stringify({ payload, signatures: [{ protected: header, signature }] });
    },
  },
  {
    target: 'header',
    name: 'a token within a token',
    codes: MALFORMED,
    make: (material) =>
      forge({ header: goodHeader(material), payload: goodToken(material), sign: signer(material.privateKey) }),
  },
  ...['null', '[]', '"text"', '7', ''].map((payload): AttackRow => ({
    target: 'header',
    name: `a payload that is no object: ${payload}`,
    codes: MALFORMED,
    make: withTexts((header) => [header, payload]),
  })),
  ...['null', '[]', '"text"', ''].map((header): AttackRow => ({
    target: 'header',
    name: `a header that is no object: ${header}`,
    codes: MALFORMED,
    make: withTexts((_, payload) => [header, payload]),
  })),
];

const KEY_IDS: readonly AttackRow[] = [
  ...[undefined, '', 7, null, ['kid'], { kid: 1 }, 'k'.repeat(10_000)].map((kid): AttackRow => ({
    target: 'kid',
    name: `kid ${shown(kid).slice(0, 20)}`,
    codes: MALFORMED,
    make: withHeader({ kid }),
  })),
  ...['../../etc/passwd', "' OR '1'='1", '__proto__', 'constructor', 'https://attacker.example/key', '\u0000'].map(
    (kid): AttackRow => ({
      target: 'kid',
      name: `kid ${JSON.stringify(kid)}`,
      codes: ['TOKEN_KEY_UNKNOWN'],
      make: withHeader({ kid }),
    }),
  ),
  {
    target: 'kid',
    name: 'kid of another tenant, signed with that key',
    codes: ['TOKEN_KEY_UNKNOWN'],
    make: (material) =>
      forge({
        header: { ...goodHeader(material), kid: material.other.kid },
        payload: material.claims,
        sign: signer(material.other.privateKey),
      }),
  },
  {
    target: 'kid',
    name: "signed with another tenant's key under our kid",
    codes: ['TOKEN_SIGNATURE_INVALID'],
    make: (material) =>
      forge({ header: goodHeader(material), payload: material.claims, sign: signer(material.other.privateKey) }),
  },
];

function spareBit(part: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(part.slice(-1));
  // If a part fills its last character, an extra character is what lax decoders ignore.
  return part.length % 4 === 0 ? `${part}A` : `${part.slice(0, -1)}${alphabet[last ^ 1] ?? ''}`;
}

const PART_CHANGES: Readonly<Record<string, (part: string) => string>> = {
  'a space before': (part) => ` ${part}`,
  'a space after': (part) => `${part} `,
  'a newline': (part) => `${part}\n`,
  'a newline within': (part) => `${part.slice(0, 4)}\n${part.slice(4)}`,
  padding: (part) => `${part}=`,
  'double padding': (part) => `${part}==`,
  'a spare bit set': spareBit,
  'a character of no alphabet': (part) => `${part.slice(0, 4)}!${part.slice(4)}`,
  'a percent sequence': (part) => `${part}%20`,
  'a zero byte': (part) => `${part}\u0000`,
  'a letter that folds to ASCII': (part) => `${part}\u212a`,
};

const WRITINGS: readonly AttackRow[] = [
  ...[0, 1, 2].flatMap((index) =>
    Object.entries(PART_CHANGES).map(([name, change]): AttackRow => ({
      target: 'encoding',
      name: `${name} in part ${index + 1}`,
      codes: MALFORMED,
      make: (material) =>
        goodToken(material)
          .split('.')
          .map((part, at) => (at === index ? change(part) : part))
          .join('.'),
    })),
  ),
  {
    target: 'encoding',
    name: 'the standard alphabet',
    codes: MALFORMED,
    make: (material) => {
      // Nearly every token contains one of the two characters. If not, the next attempt changes the payload, because Ed25519 signs the same text the
      // same way.
      for (let attempt = 1; ; attempt++) {
        const token = goodToken({ ...material, claims: { ...material.claims, jti: `j-${attempt}` } });
        if (/[-_]/.test(token)) return token.replaceAll('-', '+').replaceAll('_', '/');
      }
    },
  },
  {
    target: 'encoding',
    name: 'a name twice in the header',
    codes: MALFORMED,
    make: withTexts((header, payload) => [replaceOnce(header, '{', '{"alg":"none",'), payload]),
  },
  {
    target: 'encoding',
    name: 'a name twice in the header, escaped',
    codes: MALFORMED,
    make: withTexts((header, payload) => [replaceOnce(header, '{', '{"\\u0061lg":"none",'), payload]),
  },
  {
    target: 'encoding',
    name: 'a name twice in the payload',
    codes: MALFORMED,
    make: withTexts((header, payload) => [header, replaceOnce(payload, '{', '{"sub":"root",')]),
  },
  {
    target: 'encoding',
    name: 'a name twice in the payload, escaped',
    codes: MALFORMED,
    make: withTexts((header, payload) => [header, replaceOnce(payload, '{', '{"s\\u0075b":"root",')]),
  },
  {
    target: 'encoding',
    name: 'a name twice deep in the payload',
    codes: MALFORMED,
    make: withTexts((header, payload) => [header, replaceOnce(payload, '{', '{"x":[{"a":1,"a":2}],')]),
  },
  {
    target: 'encoding',
    name: 'a member __proto__',
    codes: MALFORMED,
    make: withTexts((header, payload) => [header, replaceOnce(payload, '{', '{"__proto__":{"admin":true},')]),
  },
  {
    target: 'encoding',
    name: 'a BOM before the payload',
    codes: MALFORMED,
    make: withTexts((header, payload) => [header, `\ufeff${payload}`]),
  },
  {
    target: 'encoding',
    name: 'bytes that are not UTF-8',
    codes: MALFORMED,
    make: (material) => {
      const payload = Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]);
      const signingInput = `${encode(goodHeader(material))}.${payload.toString('base64url')}`;
      return `${signingInput}.${signer(material.privateKey)(Buffer.from(signingInput)).toString('base64url')}`;
    },
  },
];

function claim(
  target: AttackRow['target'],
  name: string,
  code: TokenErrorCode,
  changes: (material: AttackMaterial) => Readonly<Record<string, unknown>>,
  only?: AttackRow['only'],
): AttackRow {
  return { target, name, codes: [code], make: withClaims(changes), ...(only === undefined ? {} : { only }) };
}

const WHOSE: readonly AttackRow[] = [
  {
    target: 'claims',
    name: 'iss of another tenant, signed with our key',
    // A verifier that trusts that tenant too finds no such key there.
    codes: ['TOKEN_ISSUER_UNTRUSTED', 'TOKEN_KEY_UNKNOWN'],
    make: withClaims(({ other }) => ({ iss: other.issuer, tenant_id: other.tenantId })),
  },
  claim('claims', 'iss with a slash after', 'TOKEN_ISSUER_UNTRUSTED', ({ claims }) => ({
    iss: `${String(claims.iss)}/`,
  })),
  claim('claims', 'iss in another case', 'TOKEN_ISSUER_UNTRUSTED', ({ claims }) => ({
    iss: String(claims.iss).toUpperCase(),
  })),
  claim('claims', 'iss with a port', 'TOKEN_ISSUER_UNTRUSTED', ({ claims }) => ({
    iss: replaceOnce(String(claims.iss), /^(https?:\/\/[^/:]+)(?::\d+)?/, '$1:4443'),
  })),
  claim('claims', 'iss with a query', 'TOKEN_ISSUER_UNTRUSTED', ({ claims }) => ({ iss: `${String(claims.iss)}?x` })),
  claim('claims', 'iss with a path that climbs', 'TOKEN_ISSUER_UNTRUSTED', ({ claims, other }) => ({
    iss: `${String(claims.iss)}/../${other.tenantId}`,
  })),
  claim('claims', 'iss of a stranger', 'TOKEN_ISSUER_UNTRUSTED', () => ({
    iss: 'https://attacker.example/tenants/acme',
  })),
  claim('claims', 'iss missing', 'TOKEN_ISSUER_UNTRUSTED', () => ({ iss: undefined })),
  claim('claims', 'iss in an array', 'TOKEN_ISSUER_UNTRUSTED', ({ claims }) => ({ iss: [claims.iss] })),
  claim('claims', 'tenant_id that contradicts iss', 'TOKEN_CLAIM_INVALID', ({ other }) => ({
    tenant_id: other.tenantId,
  })),
  ...['tenant_id', 'project_id', 'client_id', 'email_id', 'sub', 'jti'].flatMap((name) =>
    [undefined, '', 7, null, { id: 1 }, ['x']].map((value) =>
      claim('claims', `${name} ${shown(value)}`, 'TOKEN_CLAIM_INVALID', () => ({ [name]: value })),
    ),
  ),
  ...[undefined, '', null, 7, [], ['shop-api']].map((aud) =>
    claim('claims', `aud ${shown(aud)}`, 'TOKEN_CLAIM_INVALID', () => ({ aud })),
  ),
  claim('claims', 'aud with the right one in an array', 'TOKEN_CLAIM_INVALID', ({ claims }) => ({ aud: [claims.aud] })),
  claim(
    'claims',
    'another aud',
    'TOKEN_AUDIENCE_WRONG',
    () => ({ aud: 'somebody-else' }),
    'where the audience is checked',
  ),
  claim(
    'claims',
    'aud in another case',
    'TOKEN_AUDIENCE_WRONG',
    ({ claims }) => ({ aud: String(claims.aud).toUpperCase() }),
    'where the audience is checked',
  ),
  claim('claims', 'the other surface', 'TOKEN_CLAIM_INVALID', ({ claims }) => ({
    surface: claims.surface === 'user' ? 'admin' : 'user',
  })),
  ...[undefined, 'User', 'root', '', ['user', 'admin'], null].map((surface) =>
    claim('claims', `surface ${shown(surface)}`, 'TOKEN_CLAIM_INVALID', () => ({ surface })),
  ),
  ...['roles', 'groups', 'resources'].flatMap((name) =>
    [undefined, 'manager', [7], [['manager']], { 0: 'manager' }, null].map((value) =>
      claim('claims', `${name} ${shown(value)}`, 'TOKEN_CLAIM_INVALID', () => ({ [name]: value })),
    ),
  ),
  ...[undefined, ['a'], 7, null].map((scope) =>
    claim('claims', `scope ${shown(scope)}`, 'TOKEN_CLAIM_INVALID', () => ({ scope })),
  ),
  ...['x', {}, { sub: '' }, { sub: 'a', client_id: 7 }, { sub: 'a', act: 'b' }, null, []].map((act) =>
    claim('claims', `act ${JSON.stringify(act)}`, 'TOKEN_CLAIM_INVALID', () => ({ act })),
  ),
  claim('claims', 'act of five actors', 'TOKEN_CLAIM_INVALID', () => ({ act: actorsOf(5) })),
  ...['', 7, null].map((idp) => claim('claims', `idp ${JSON.stringify(idp)}`, 'TOKEN_CLAIM_INVALID', () => ({ idp }))),
];

function actorsOf(depth: number): object {
  const actor = { sub: `client:shop/c-${depth}`, client_id: `c-${depth}` };
  return depth === 1 ? actor : { ...actor, act: actorsOf(depth - 1) };
}

/** What makes the claims of a person those of a client. */
const OF_A_SERVICE = { surface: 'service', sub: 'client:shop/web', email_id: undefined };

/** Also for verifiers that accept services. */
export const SERVICE_ATTACKS: readonly AttackRow[] = [
  ...['ada@acme.example', '', null].map((email) =>
    claim('claims', `the token of a service with email_id ${shown(email)}`, 'TOKEN_CLAIM_INVALID', () => ({
      ...OF_A_SERVICE,
      email_id: email,
    })),
  ),
  ...[
    'u-ada',
    'client:',
    'client:shop',
    'client:shop/',
    'client:/web',
    'client:shop/web/x',
    'client:shop/../web',
    'client:Shop/web',
    'CLIENT:shop/web',
    'client:shop/web\n',
    ' client:shop/web',
    'client:_shop/web',
    `client:shop/${'w'.repeat(65)}`,
  ].map((sub) =>
    claim('claims', `the token of a service with sub ${shown(sub).slice(0, 30)}`, 'TOKEN_CLAIM_INVALID', () => ({
      ...OF_A_SERVICE,
      sub,
    })),
  ),
  // A rule for the client would apply to the person.
  ...['client:shop/web', 'Client:shop/web', 'CLIENT:shop/web', 'client:'].map((sub) =>
    claim('claims', `the token of a person with sub ${shown(sub)}`, 'TOKEN_CLAIM_INVALID', () => ({ sub })),
  ),
];

const SERVICES: readonly AttackRow[] = [
  claim('claims', 'the token of a service where persons are accepted', 'TOKEN_CLAIM_INVALID', () => OF_A_SERVICE),
  ...SERVICE_ATTACKS,
];

const CHAINS: readonly AttackRow[] = [
  ...['', 7, null, ['j-1'], {}].map((root) =>
    claim('claims', `root ${shown(root)}`, 'TOKEN_CLAIM_INVALID', () => ({ root })),
  ),
  claim(
    'claims',
    'a descendant of a revoked root',
    'TOKEN_REVOKED',
    () => ({ act: actorsOf(2), root: REVOKED_ROOT }),
    'where REVOKED_ROOT is revoked',
  ),
];

const TIMES: readonly AttackRow[] = [
  ...['exp', 'iat'].flatMap((name) =>
    [undefined, '1893456000', 1_893_456_000.5, null, [1], true].map((value) =>
      claim('times', `${name} ${shown(value)}`, 'TOKEN_CLAIM_INVALID', () => ({ [name]: value })),
    ),
  ),
  ...['1893456000', 1.5, null].map((nbf) =>
    claim('times', `nbf ${JSON.stringify(nbf)}`, 'TOKEN_CLAIM_INVALID', () => ({ nbf })),
  ),
  {
    target: 'times',
    name: 'exp 1e999',
    codes: MALFORMED,
    make: withTexts((header, payload) => [header, replaceOnce(payload, /"exp":\d+/, '"exp":1e999')]),
  },
  claim('times', 'exp beyond exact integers', 'TOKEN_CLAIM_INVALID', () => ({ exp: 2 ** 53 })),
  claim('times', 'exp years ahead', 'TOKEN_CLAIM_INVALID', ({ nowSeconds }) => ({
    exp: nowSeconds + 5 * 365 * 86_400,
  })),
  claim('times', 'exp before iat', 'TOKEN_CLAIM_INVALID', ({ nowSeconds }) => ({
    iat: nowSeconds + 10,
    exp: nowSeconds - 5,
  })),
  claim('times', 'exp 61 s ago', 'TOKEN_EXPIRED', ({ nowSeconds }) => ({
    iat: nowSeconds - 600,
    exp: nowSeconds - 61,
  })),
  claim('times', 'exp zero', 'TOKEN_EXPIRED', () => ({ iat: 0, exp: 0 })),
  claim('times', 'iat 61 s ahead', 'TOKEN_NOT_YET_VALID', ({ nowSeconds }) => ({
    iat: nowSeconds + 61,
    exp: nowSeconds + 120,
  })),
  claim('times', 'nbf 61 s ahead', 'TOKEN_NOT_YET_VALID', ({ nowSeconds }) => ({ nbf: nowSeconds + 61 })),
];

const SIZES: readonly AttackRow[] = [
  {
    target: 'size',
    name: '8 KiB and one byte',
    codes: MALFORMED,
    make: (material) => {
      // A base64url text never has a length of 4 n + 1, so only some paddings reach the size; a longer signature fills the rest.
      const token = goodToken(material);
      return token + 'A'.repeat(8_193 - token.length);
    },
  },
  {
    target: 'size',
    name: 'a right token of more than 8 KiB',
    codes: MALFORMED,
    make: withClaims(() => ({ padding: 'x'.repeat(8_192) })),
  },
  { target: 'size', name: '1 MB', codes: MALFORMED, make: () => 'A'.repeat(1_000_000) },
  { target: 'size', name: '1,000 dots', codes: MALFORMED, make: () => '.'.repeat(1_000) },
  { target: 'size', name: 'nothing', codes: MALFORMED, make: () => '' },
  { target: 'size', name: 'two dots', codes: MALFORMED, make: () => '..' },
  {
    target: 'size',
    name: 'an array 5,000 deep',
    codes: MALFORMED,
    make: withTexts((header) => [header, `{"a":${'['.repeat(2_500)}${']'.repeat(2_500)}}`]),
  },
  {
    target: 'size',
    name: '5,000 brackets that nothing closes',
    codes: MALFORMED,
    make: withTexts((header) => [header, '['.repeat(5_000)]),
  },
  {
    target: 'size',
    name: 'nine levels',
    codes: MALFORMED,
    make: withTexts((header, payload) => [
      header,
      replaceOnce(payload, '{', `{"deep":${'['.repeat(8)}${']'.repeat(8)},`),
    ]),
  },
];

const KEYS: readonly AttackRow[] = [
  {
    target: 'key',
    name: 'a key that was never published',
    codes: ['TOKEN_KEY_UNKNOWN'],
    make: (material) =>
      forge({
        header: { ...goodHeader(material), kid: 'never-published' },
        payload: material.claims,
        sign: signer(strangersEcKey.privateKey),
      }),
  },
];

/** All attacks that one token can show. Key states, duplicate kids and revocation depend on the verifier and have tests of their own. */
export const ATTACK_TABLE: readonly AttackRow[] = [
  ...ALGORITHMS,
  ...HEADERS,
  ...KEY_IDS,
  ...WRITINGS,
  ...WHOSE,
  ...SERVICES,
  ...CHAINS,
  ...TIMES,
  ...SIZES,
  ...KEYS,
];

/** Rows that HTTP turns into the good token, because white space at the end of a header field is no part of its value. */
export const GOOD_WHEN_TRIMMED: readonly string[] = ['a space before in part 1', 'a space after in part 3'];

/** A good token of a client itself, for verifiers that accept services. */
export const goodServiceToken: AttackRow['make'] = withClaims(() => OF_A_SERVICE);

/** Changes that every verifier must accept. */
export const TOLERATED: readonly Pick<AttackRow, 'name' | 'make'>[] = [
  { name: 'the good token', make: goodToken },
  { name: 'typ with its type, in capitals', make: withHeader({ typ: 'Application/AT+JWT' }) },
  {
    name: 'exp 10 s ago',
    make: withClaims(({ nowSeconds }) => ({ iat: nowSeconds - 600, exp: nowSeconds - 10 })),
  },
  { name: 'iat 10 s ahead', make: withClaims(({ nowSeconds }) => ({ iat: nowSeconds + 10 })) },
  { name: 'nbf 10 s ahead', make: withClaims(({ nowSeconds }) => ({ nbf: nowSeconds + 10 })) },
  { name: 'a claim of a later version', make: withClaims(() => ({ later: { than: ['this'] } })) },
  { name: 'no scope at all', make: withClaims(() => ({ scope: '' })) },
  { name: 'act of four actors', make: withClaims(() => ({ act: actorsOf(4) })) },
  { name: 'a root that is not revoked', make: withClaims(() => ({ act: actorsOf(2), root: 'j-good-root' })) },
];

/**
 * Every one-character edit of a few kinds at every position, and every letter of the alphabet at the end of each part, where the spare bits are. None
 * may be accepted, not even one that decodes to the same bytes.
 */
export function* oneCharacterEdits(token: string): Generator<string> {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  for (let at = 0; at < token.length; at++) {
    const character = token.charAt(at);
    const before = token.slice(0, at);
    const after = token.slice(at + 1);
    const isLastOfPart = after === '' || after.startsWith('.');
    const index = alphabet.indexOf(character);
    const neighbours = [alphabet[index ^ 1], alphabet[index ^ 32], alphabet[(index + 7) % 64]];
    const replacements = [
      ...(isLastOfPart ? alphabet.split('') : neighbours),
      '=',
      '+',
      '/',
      '.',
      ' ',
      '\n',
      '%',
      '\u0000',
      '\u00e9',
    ];
    for (const replacement of new Set(replacements))
      if (replacement !== undefined && replacement !== character) yield before + replacement + after;
    yield before + after;
    yield before + character + character + after;
    yield `${before}=${character}${after}`;
  }
}
