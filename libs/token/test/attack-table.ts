import { createHmac, createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { TokenErrorCode } from '../src/verify/token-error.ts';
import { encode, forge, signer } from './forge.ts';

/** What an attacker is given: far more than any has. Every row spoils one thing of a token that would be good. */
export interface AttackMaterial {
  /** The tenant's own signing key: rows that are not about the key are signed rightly. */
  readonly privateKey: KeyObject;
  readonly kid: string;
  readonly alg: 'ES256' | 'RS256' | 'EdDSA';
  readonly publicJwk: JsonWebKey;
  /** The payload of a token that the door lets in. */
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
  /** 1 algorithm, 2 header members, 3 kid, 4 form, 5 issuer and audience, 6 times, 7 size and depth, 8 state of the key. */
  readonly case: number;
  readonly name: string;
  /** More than one where it depends on what else the door trusts. */
  readonly codes: readonly TokenErrorCode[];
  /** Absent: for every door. */
  readonly only?: 'where the audience is checked';
  readonly make: (material: AttackMaterial) => string;
}

const MALFORMED = ['TOKEN_MALFORMED'] as const;
const strangersEcKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const strangersRsaKey = generateKeyPairSync('rsa', { modulusLength: 2_048 });

export function goodHeader({ alg, kid }: AttackMaterial): Record<string, unknown> {
  return { typ: 'at+jwt', alg, kid };
}

/** The token that every row starts from: the door must let it in. */
export function goodToken(material: AttackMaterial): string {
  return withHeader({})(material);
}

/** Signed rightly; `undefined` leaves a member out. */
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

/** Exact JSON texts, signed rightly. */
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
    case: 1,
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
      case: 1,
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
      case: 1,
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
    case: 1,
    name: `another alg over a right signature: ${JSON.stringify(alg)}`,
    codes: ['TOKEN_ALGORITHM_REFUSED'],
    make: withHeader({ alg }),
  })),
  {
    case: 1,
    name: 'another asymmetric alg, signed with a key of that type',
    codes: ['TOKEN_ALGORITHM_REFUSED'],
    make: (material) => {
      const alg = material.alg === 'RS256' ? 'ES256' : 'RS256';
      const { privateKey } = alg === 'ES256' ? strangersEcKey : strangersRsaKey;
      return forge({ header: { ...goodHeader(material), alg }, payload: material.claims, sign: signer(privateKey) });
    },
  },
  {
    case: 1,
    name: 'alg missing',
    codes: MALFORMED,
    make: withHeader({ alg: undefined }),
  },
  {
    case: 1,
    name: 'a signature of zeros (CVE-2022-21449)',
    codes: ['TOKEN_SIGNATURE_INVALID'],
    make: (material) => forge({ header: goodHeader(material), payload: material.claims, sign: () => Buffer.alloc(64) }),
  },
  {
    case: 1,
    name: 'no signature under the right alg',
    codes: ['TOKEN_SIGNATURE_INVALID'],
    make: (material) => forge({ header: goodHeader(material), payload: material.claims, sign: () => Buffer.alloc(0) }),
  },
  {
    case: 1,
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
    case: 2,
    name: `${member} in the header, signed rightly`,
    codes: MALFORMED,
    make: withHeader({ [member]: value }),
  })),
  {
    case: 2,
    name: 'the stranger brings the key along (CVE-2018-0114)',
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
    case: 2,
    name: `typ ${shown(typ)}`,
    codes: MALFORMED,
    make: withHeader({ typ }),
  })),
  {
    case: 2,
    name: 'five parts',
    codes: MALFORMED,
    make: (material) => `${goodToken(material)}.${encode('x')}.${encode('y')}`,
  },
  {
    case: 2,
    name: 'two parts',
    codes: MALFORMED,
    make: (material) => goodToken(material).split('.').slice(0, 2).join('.'),
  },
  {
    case: 2,
    name: 'JSON serialisation, flattened',
    codes: MALFORMED,
    make: (material) => {
      const [header, payload, signature] = goodToken(material).split('.');
      return JSON.stringify({ protected: header, payload, signature });
    },
  },
  {
    case: 2,
    name: 'JSON serialisation, general',
    codes: MALFORMED,
    make: (material) => {
      const [header, payload, signature] = goodToken(material).split('.');
      return JSON.stringify({ payload, signatures: [{ protected: header, signature }] });
    },
  },
  {
    case: 2,
    name: 'a token within a token',
    codes: MALFORMED,
    make: (material) =>
      forge({ header: goodHeader(material), payload: goodToken(material), sign: signer(material.privateKey) }),
  },
  ...['null', '[]', '"text"', '7', ''].map((payload): AttackRow => ({
    case: 2,
    name: `a payload that is no object: ${payload}`,
    codes: MALFORMED,
    make: withTexts((header) => [header, payload]),
  })),
  ...['null', '[]', '"text"', ''].map((header): AttackRow => ({
    case: 2,
    name: `a header that is no object: ${header}`,
    codes: MALFORMED,
    make: withTexts((_, payload) => [header, payload]),
  })),
];

const KEY_IDS: readonly AttackRow[] = [
  ...[undefined, '', 7, null, ['kid'], { kid: 1 }, 'k'.repeat(10_000)].map((kid): AttackRow => ({
    case: 3,
    name: `kid ${shown(kid).slice(0, 20)}`,
    codes: MALFORMED,
    make: withHeader({ kid }),
  })),
  ...['../../etc/passwd', "' OR '1'='1", '__proto__', 'constructor', 'https://attacker.example/key', '\u0000'].map(
    (kid): AttackRow => ({
      case: 3,
      name: `kid ${JSON.stringify(kid)}`,
      codes: ['TOKEN_KEY_UNKNOWN'],
      make: withHeader({ kid }),
    }),
  ),
  {
    case: 3,
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
    case: 3,
    name: "signed with another tenant's key under our kid",
    codes: ['TOKEN_SIGNATURE_INVALID'],
    make: (material) =>
      forge({ header: goodHeader(material), payload: material.claims, sign: signer(material.other.privateKey) }),
  },
];

function spareBit(part: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const last = alphabet.indexOf(part.slice(-1));
  // Where a part fills its last character, an extra one is the other form that lax decoders ignore.
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
      case: 4,
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
    case: 4,
    name: 'the standard alphabet',
    codes: MALFORMED,
    make: (material) => {
      // Nearly every token has one of the two. Where it has not, the next one says something else: Ed25519 signs the same text alike for ever.
      for (let attempt = 1; ; attempt++) {
        const token = goodToken({ ...material, claims: { ...material.claims, jti: `j-${attempt}` } });
        if (/[-_]/.test(token)) return token.replaceAll('-', '+').replaceAll('_', '/');
      }
    },
  },
  {
    case: 4,
    name: 'a name twice in the header',
    codes: MALFORMED,
    make: withTexts((header, payload) => [header.replace('{', '{"alg":"none",'), payload]),
  },
  {
    case: 4,
    name: 'a name twice in the header, escaped',
    codes: MALFORMED,
    make: withTexts((header, payload) => [header.replace('{', '{"\\u0061lg":"none",'), payload]),
  },
  {
    case: 4,
    name: 'a name twice in the payload',
    codes: MALFORMED,
    make: withTexts((header, payload) => [header, payload.replace('{', '{"sub":"root",')]),
  },
  {
    case: 4,
    name: 'a name twice in the payload, escaped',
    codes: MALFORMED,
    make: withTexts((header, payload) => [header, payload.replace('{', '{"s\\u0075b":"root",')]),
  },
  {
    case: 4,
    name: 'a name twice deep in the payload',
    codes: MALFORMED,
    make: withTexts((header, payload) => [header, payload.replace('{', '{"x":[{"a":1,"a":2}],')]),
  },
  {
    case: 4,
    name: 'a member __proto__',
    codes: MALFORMED,
    make: withTexts((header, payload) => [header, payload.replace('{', '{"__proto__":{"admin":true},')]),
  },
  {
    case: 4,
    name: 'a BOM before the payload',
    codes: MALFORMED,
    make: withTexts((header, payload) => [header, `\ufeff${payload}`]),
  },
  {
    case: 4,
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
  number: number,
  name: string,
  code: TokenErrorCode,
  changes: (material: AttackMaterial) => Readonly<Record<string, unknown>>,
  only?: AttackRow['only'],
): AttackRow {
  return { case: number, name, codes: [code], make: withClaims(changes), ...(only === undefined ? {} : { only }) };
}

const WHOSE: readonly AttackRow[] = [
  {
    case: 5,
    name: 'iss of another tenant, signed with our key',
    // A door that trusts that tenant too finds no such key there.
    codes: ['TOKEN_ISSUER_UNTRUSTED', 'TOKEN_KEY_UNKNOWN'],
    make: withClaims(({ other }) => ({ iss: other.issuer, tenant_id: other.tenantId })),
  },
  claim(5, 'iss with a slash after', 'TOKEN_ISSUER_UNTRUSTED', ({ claims }) => ({ iss: `${String(claims.iss)}/` })),
  claim(5, 'iss in another case', 'TOKEN_ISSUER_UNTRUSTED', ({ claims }) => ({
    iss: String(claims.iss).toUpperCase(),
  })),
  claim(5, 'iss with a port', 'TOKEN_ISSUER_UNTRUSTED', ({ claims }) => ({
    iss: String(claims.iss).replace(/^(https?:\/\/[^/:]+)(?::\d+)?/, '$1:4443'),
  })),
  claim(5, 'iss with a query', 'TOKEN_ISSUER_UNTRUSTED', ({ claims }) => ({ iss: `${String(claims.iss)}?x` })),
  claim(5, 'iss with a path that climbs', 'TOKEN_ISSUER_UNTRUSTED', ({ claims, other }) => ({
    iss: `${String(claims.iss)}/../${other.tenantId}`,
  })),
  claim(5, 'iss of a stranger', 'TOKEN_ISSUER_UNTRUSTED', () => ({ iss: 'https://attacker.example/tenants/acme' })),
  claim(5, 'iss missing', 'TOKEN_ISSUER_UNTRUSTED', () => ({ iss: undefined })),
  claim(5, 'iss in an array', 'TOKEN_ISSUER_UNTRUSTED', ({ claims }) => ({ iss: [claims.iss] })),
  claim(5, 'tenant_id that contradicts iss', 'TOKEN_CLAIM_INVALID', ({ other }) => ({ tenant_id: other.tenantId })),
  ...['tenant_id', 'project_id', 'client_id', 'email_id', 'sub', 'jti'].flatMap((name) =>
    [undefined, '', 7, null, { id: 1 }, ['x']].map((value) =>
      claim(5, `${name} ${shown(value)}`, 'TOKEN_CLAIM_INVALID', () => ({ [name]: value })),
    ),
  ),
  ...[undefined, '', null, 7, [], ['shop-api']].map((aud) =>
    claim(5, `aud ${shown(aud)}`, 'TOKEN_CLAIM_INVALID', () => ({ aud })),
  ),
  claim(5, 'aud with the right one in an array', 'TOKEN_CLAIM_INVALID', ({ claims }) => ({ aud: [claims.aud] })),
  claim(5, 'another aud', 'TOKEN_AUDIENCE_WRONG', () => ({ aud: 'somebody-else' }), 'where the audience is checked'),
  claim(
    5,
    'aud in another case',
    'TOKEN_AUDIENCE_WRONG',
    ({ claims }) => ({ aud: String(claims.aud).toUpperCase() }),
    'where the audience is checked',
  ),
  claim(5, 'the other surface', 'TOKEN_CLAIM_INVALID', ({ claims }) => ({
    surface: claims.surface === 'user' ? 'admin' : 'user',
  })),
  ...[undefined, 'User', 'root', '', ['user', 'admin'], null].map((surface) =>
    claim(5, `surface ${shown(surface)}`, 'TOKEN_CLAIM_INVALID', () => ({ surface })),
  ),
  ...['roles', 'groups', 'resources'].flatMap((name) =>
    [undefined, 'manager', [7], [['manager']], { 0: 'manager' }, null].map((value) =>
      claim(5, `${name} ${shown(value)}`, 'TOKEN_CLAIM_INVALID', () => ({ [name]: value })),
    ),
  ),
  ...[undefined, ['a'], 7, null].map((scope) =>
    claim(5, `scope ${shown(scope)}`, 'TOKEN_CLAIM_INVALID', () => ({ scope })),
  ),
  ...['x', {}, { sub: '' }, { sub: 'a', client_id: 7 }, { sub: 'a', act: 'b' }, null, []].map((act) =>
    claim(5, `act ${JSON.stringify(act)}`, 'TOKEN_CLAIM_INVALID', () => ({ act })),
  ),
  ...['', 7, null].map((idp) => claim(5, `idp ${JSON.stringify(idp)}`, 'TOKEN_CLAIM_INVALID', () => ({ idp }))),
];

const TIMES: readonly AttackRow[] = [
  ...['exp', 'iat'].flatMap((name) =>
    [undefined, '1893456000', 1_893_456_000.5, null, [1], true].map((value) =>
      claim(6, `${name} ${shown(value)}`, 'TOKEN_CLAIM_INVALID', () => ({ [name]: value })),
    ),
  ),
  ...['1893456000', 1.5, null].map((nbf) =>
    claim(6, `nbf ${JSON.stringify(nbf)}`, 'TOKEN_CLAIM_INVALID', () => ({ nbf })),
  ),
  {
    case: 6,
    name: 'exp 1e999',
    codes: MALFORMED,
    make: withTexts((header, payload) => [header, payload.replace(/"exp":\d+/, '"exp":1e999')]),
  },
  claim(6, 'exp beyond exact integers', 'TOKEN_CLAIM_INVALID', () => ({ exp: 2 ** 53 })),
  claim(6, 'exp years ahead', 'TOKEN_CLAIM_INVALID', ({ nowSeconds }) => ({ exp: nowSeconds + 5 * 365 * 86_400 })),
  claim(6, 'exp before iat', 'TOKEN_CLAIM_INVALID', ({ nowSeconds }) => ({
    iat: nowSeconds + 10,
    exp: nowSeconds - 5,
  })),
  claim(6, 'exp 61 s ago', 'TOKEN_EXPIRED', ({ nowSeconds }) => ({ iat: nowSeconds - 600, exp: nowSeconds - 61 })),
  claim(6, 'exp zero', 'TOKEN_EXPIRED', () => ({ iat: 0, exp: 0 })),
  claim(6, 'iat 61 s ahead', 'TOKEN_NOT_YET_VALID', ({ nowSeconds }) => ({
    iat: nowSeconds + 61,
    exp: nowSeconds + 120,
  })),
  claim(6, 'nbf 61 s ahead', 'TOKEN_NOT_YET_VALID', ({ nowSeconds }) => ({ nbf: nowSeconds + 61 })),
];

const SIZES: readonly AttackRow[] = [
  {
    case: 7,
    name: '8 KiB and one byte',
    codes: MALFORMED,
    make: (material) => {
      // base64url has no length of 4 n + 1, so of a few paddings only some reach the size; a longer signature does the rest.
      const token = goodToken(material);
      return token + 'A'.repeat(8_193 - token.length);
    },
  },
  {
    case: 7,
    name: 'a right token of more than 8 KiB',
    codes: MALFORMED,
    make: withClaims(() => ({ padding: 'x'.repeat(8_192) })),
  },
  { case: 7, name: '1 MB', codes: MALFORMED, make: () => 'A'.repeat(1_000_000) },
  { case: 7, name: '1,000 dots', codes: MALFORMED, make: () => '.'.repeat(1_000) },
  { case: 7, name: 'nothing', codes: MALFORMED, make: () => '' },
  { case: 7, name: 'two dots', codes: MALFORMED, make: () => '..' },
  {
    case: 7,
    name: 'an array 5,000 deep',
    codes: MALFORMED,
    make: withTexts((header) => [header, `{"a":${'['.repeat(2_500)}${']'.repeat(2_500)}}`]),
  },
  {
    case: 7,
    name: '5,000 brackets that nothing closes',
    codes: MALFORMED,
    make: withTexts((header) => [header, '['.repeat(5_000)]),
  },
  {
    case: 7,
    name: 'nine levels',
    codes: MALFORMED,
    make: withTexts((header, payload) => [header, payload.replace('{', `{"deep":${'['.repeat(8)}${']'.repeat(8)},`)]),
  },
];

const KEYS: readonly AttackRow[] = [
  {
    case: 8,
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

/** Security-cases 1 to 8 as far as one token can show them. Key states, duplicate kids and revocation depend on the door. */
export const ATTACK_TABLE: readonly AttackRow[] = [
  ...ALGORITHMS,
  ...HEADERS,
  ...KEY_IDS,
  ...WRITINGS,
  ...WHOSE,
  ...TIMES,
  ...SIZES,
  ...KEYS,
];

/** Claims changed within what every door must bear. */
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
];

/**
 * Every one-character edit of a few kinds at every position, and at the end of each part every letter of the alphabet (spare bits sit there).
 * None may be let in, not even one that decodes to the same bytes.
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
