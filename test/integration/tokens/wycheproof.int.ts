import type { SigningAlgorithm } from '../../../libs/token/src/verify/claims.ts';
import { parseCompactForm, parseCompactToken, type ParsedToken } from '../../../libs/token/src/verify/compact-token.ts';
import { parseKeySet } from '../../../libs/token/src/keys/key-set.ts';
import { TokenError } from '../../../libs/token/src/verify/token-error.ts';
import { importVerificationKey } from '../../../libs/token/src/keys/verification-key.ts';
import { verifyParsed } from '../../../libs/token/src/verify/verify-parsed.ts';
import { encode } from '../../../libs/token/test/forge.ts';
import { signatureVectors, tokenVectors, type Vector } from '../../support/fixtures/wycheproof.ts';

/**
 * Project Wycheproof's vectors, run through the steps of `verify` in @tessera/token: parser, key set, signature. Their payloads are not claims and
 * their headers have no `typ`, so the whole verifier would refuse all of them before the signature. Placeholders replace only what the vectors lack:
 * the signature is verified over the vector's own bytes.
 */
const LIMITS = { maxBytes: 8_192, maxDepth: 8 };
const NOW_SECONDS = 1_800_000_000;
const ISSUER = 'https://tessera.example/tenants/acme';
const STAND_IN_TYP = 'at+jwt';
const STAND_IN_CLAIMS = {
  iss: ISSUER,
  sub: 'u-ada',
  aud: 'shop-api',
  client_id: 'web',
  jti: 'j-1',
  tenant_id: 'acme',
  project_id: 'shop',
  email_id: 'ada@acme.example',
  scope: '',
  roles: [],
  groups: [],
  resources: [],
  surface: 'user',
  iat: NOW_SECONDS,
  exp: NOW_SECONDS + 600,
};

const ACCEPTED = 'accepted';
const NOT_CANONICAL = 'TOKEN_MALFORMED: a part is not canonical base64url';
const PAYLOAD_IS_NO_JSON = ['syntax', 'not UTF-8', 'a part is not a JSON object'];

interface Verdict {
  /** `accepted`, or why not. */
  readonly reason: string;
  /** Whether the key verified the signature, with any result. */
  readonly isSignatureJudged: boolean;
}

interface Judged {
  readonly vector: Vector;
  readonly verdict: Verdict;
}

/** @throws TokenError as the parser does, but accepts a payload that is not JSON */
function parseWithStandIns(jws: string): ParsedToken {
  try {
    parseCompactForm(jws, LIMITS);
  } catch (error) {
    // The payload or the header may be what is not JSON. The header is parsed again below.
    if (!(error instanceof TokenError && PAYLOAD_IS_NO_JSON.includes(error.reason))) throw error;
  }
  const parts = jws.split('.');
  parts[1] = encode(STAND_IN_CLAIMS);
  const { header } = parseCompactForm(parts.join('.'), LIMITS);
  parts[0] = encode({ typ: STAND_IN_TYP, ...header });
  return { ...parseCompactToken(parts.join('.')), signingInput: jws.slice(0, jws.lastIndexOf('.')) };
}

/** For bytes that are not a token: the signature passes through the parser, and the bytes replace the signed text of its result. */
function parseOver(message: Buffer, signature: Buffer, kid: string, alg: SigningAlgorithm): ParsedToken {
  const parts = [encode({ typ: STAND_IN_TYP, alg, kid }), encode(STAND_IN_CLAIMS), signature.toString('base64url')];
  return { ...parseCompactToken(parts.join('.')), signingInput: message.toString('latin1') };
}

function judge(parse: () => ParsedToken, jwks: Vector['keys']): Verdict {
  try {
    const parsed = parse();
    const { keys, refusal } = parseKeySet({ keys: jwks });
    if (keys === undefined) return { reason: `key set: ${refusal}`, isSignatureJudged: false };
    const key = keys.get(parsed.header.kid);
    if (key === undefined) return { reason: `key: ${whyNoKey(jwks, parsed.header.kid)}`, isSignatureJudged: false };
    verifyParsed(parsed, {
      key,
      issuer: ISSUER,
      audiences: ['shop-api'],
      surfaces: ['user'],
      clockSkewSeconds: 0,
      maxLifetimeSeconds: 600,
      nowSeconds: NOW_SECONDS,
    });
    return { reason: ACCEPTED, isSignatureJudged: true };
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    return { reason: `${error.code}: ${error.reason}`, isSignatureJudged: error.code === 'TOKEN_SIGNATURE_INVALID' };
  }
}

function whyNoKey(jwks: Vector['keys'], kid: string): string {
  const named = jwks.find((jwk) => jwk['kid'] === kid);
  return (named && importVerificationKey(named).reason) ?? 'none of this kid';
}

function judgedTokens(file: string): readonly Judged[] {
  return tokenVectors(file).map((vector) => ({
    vector,
    verdict: judge(() => parseWithStandIns(vector.jws), vector.keys),
  }));
}

function judgedSignatures(file: string, alg: SigningAlgorithm): readonly Judged[] {
  return signatureVectors(file, 'k-1', alg).map((vector) => ({
    vector,
    verdict: judge(() => parseOver(vector.message, vector.signature, 'k-1', alg), vector.keys),
  }));
}

function isAccepted({ verdict }: Judged): boolean {
  return verdict.reason === ACCEPTED;
}

/** A key of one of the three algorithms. RSA with the exponent 3 ("Aw") is excluded, because the verifier requires 65537. */
function isSupported({ keys }: Vector): boolean {
  return keys.every(({ alg, e }) => ['ES256', 'RS256', 'EdDSA'].includes(String(alg)) && e !== 'Aw');
}

function namesOf(judged: readonly Judged[]): readonly string[] {
  return judged.map(({ vector, verdict }) => `${vector.name}: ${verdict.reason}`);
}

function reasonsOf(judged: readonly Judged[]): ReadonlySet<string> {
  return new Set(judged.map(({ verdict }) => verdict.reason));
}

interface Row {
  readonly file: string;
  readonly judged: readonly Judged[];
  /** All reasons for which valid vectors are refused. */
  readonly unsupported: readonly string[];
  /** All reasons for which vectors of supported algorithms are refused before the signature. */
  readonly refusedEarly: readonly string[];
}

const ROWS: readonly Row[] = [
  {
    file: 'json_web_signature',
    judged: judgedTokens('json_web_signature'),
    unsupported: [
      // HS256: a shared secret must not be in a key set.
      'key set: a private key is in it',
      // RS384, RS512, PS256, PS384, PS512, and the ES521 of a vector that quotes RFC 7520.
      'key: alg is missing or unknown',
      // RFC 7515 permits no other characters; Wycheproof lets a parser skip them.
      NOT_CANONICAL,
    ],
    refusedEarly: [
      'TOKEN_MALFORMED: not three parts',
      'TOKEN_MALFORMED: syntax',
      'TOKEN_MALFORMED: header members other than typ, alg and kid',
      'TOKEN_ALGORITHM_REFUSED: alg is not that of the key',
      'key: none of this kid',
    ],
  },
  {
    file: 'json_web_key',
    judged: judgedTokens('json_web_key'),
    unsupported: ['key set: a private key is in it'],
    refusedEarly: [
      'key: use is not sig',
      'key: alg does not fit the key',
      'key: key material is not a key',
      'key: RSA under 2048 bits',
      'key: RSA exponent under 65537',
      'key: RSA key of a broken generator',
    ],
  },
  {
    file: 'ecdsa_secp256r1_sha256_p1363',
    judged: judgedSignatures('ecdsa_secp256r1_sha256_p1363', 'ES256'),
    unsupported: [],
    refusedEarly: [],
  },
  {
    file: 'ed25519',
    judged: judgedSignatures('ed25519', 'EdDSA'),
    unsupported: [],
    refusedEarly: [],
  },
  {
    file: 'rsa_signature_2048_sha256',
    judged: judgedSignatures('rsa_signature_2048_sha256', 'RS256'),
    unsupported: ['key: RSA exponent under 65537'],
    refusedEarly: [],
  },
];

describe.each(ROWS)('$file', ({ judged, unsupported, refusedEarly }) => {
  const valid = judged.filter(({ vector }) => vector.result === 'valid');
  const invalid = judged.filter(({ vector }) => vector.result === 'invalid');
  const supported = judged.filter(({ vector }) => isSupported(vector));

  it('refuses every invalid vector except those named here', () => {
    expect(invalid.length).toBeGreaterThan(0);
    expect(namesOf(invalid.filter(isAccepted))).toEqual([]);
  });

  it('accepts every valid vector of a key that it supports', () => {
    const due = valid.filter(({ vector }) => isSupported(vector));
    expect(due.length).toBeGreaterThan(0);
    expect(namesOf(due.filter((one) => !isAccepted(one)))).toEqual([]);
  });

  it('refuses valid vectors for the listed reasons only', () => {
    expect(reasonsOf(valid.filter((one) => !isAccepted(one)))).toEqual(new Set(unsupported));
  });

  it('verifies the signature, unless form or key is refused for a listed reason', () => {
    const early = supported.filter(({ verdict }) => !verdict.isSignatureJudged);
    expect(supported.length - early.length).toBeGreaterThan(0);
    expect(reasonsOf(early)).toEqual(new Set(refusedEarly));
  });
});

describe('base64url', () => {
  const vectors = tokenVectors('json_web_signature');
  const valid = vectors.filter(({ result }) => result === 'valid');

  // Their key is a shared secret, which a key set cannot hold, so only the parser can refuse them.
  it('refuses by their form the tokens that are invalid by their encoding', () => {
    const intact = new Set(valid.map(({ jws }) => jws));
    // Some lost their error in the file: they are identical to a valid vector.
    const broken = vectors.filter(
      ({ group, result, jws }) => group === 'base64' && result === 'invalid' && !intact.has(jws),
    );
    expect(broken.length).toBeGreaterThan(0);
    for (const { name, jws, keys } of broken)
      expect([name, judge(() => parseWithStandIns(jws), keys).reason]).toEqual([name, NOT_CANONICAL]);
  });

  it('refuses a valid token whose signature has another spelling', () => {
    const supported = valid.filter(isSupported);
    expect(supported.length).toBeGreaterThan(0);
    for (const { name, jws, keys } of supported) {
      const start = jws.lastIndexOf('.') + 1;
      const signature = jws.slice(start);
      const reasons = [signature, `${signature}=`, `${signature}==`, `${signature}\n`, withSpareBit(signature)].map(
        (spelling) => {
          expect(Buffer.from(spelling, 'base64url')).toEqual(Buffer.from(signature, 'base64url'));
          return judge(() => parseWithStandIns(jws.slice(0, start) + spelling), keys).reason;
        },
      );
      expect([name, ...reasons]).toEqual([name, ACCEPTED, ...Array<string>(4).fill(NOT_CANONICAL)]);
    }
  });
});

/** The last character of 64 or 256 bytes has four bits that decoders ignore, all zero. Its neighbor in the alphabet differs only in those. */
function withSpareBit(signature: string): string {
  return signature.slice(0, -1) + String.fromCharCode(signature.charCodeAt(signature.length - 1) + 1);
}
