import type { SigningAlgorithm } from '../../libs/token/src/verify/claims.ts';
import { parseCompactForm, parseCompactToken, type ParsedToken } from '../../libs/token/src/verify/compact-token.ts';
import { parseKeySet } from '../../libs/token/src/keys/key-set.ts';
import { TokenError } from '../../libs/token/src/verify/token-error.ts';
import { importVerificationKey } from '../../libs/token/src/keys/verification-key.ts';
import { verifyParsed } from '../../libs/token/src/verify/verify-parsed.ts';
import { encode } from '../../libs/token/test/forge.ts';
import { signatureVectors, tokenVectors, type Vector } from '../support/wycheproof.ts';

/**
 * Project Wycheproof's vectors against the steps that `verify` of @tessera/token takes: parser, key set, signature. Their payloads are
 * no claims and their headers have no `typ`, so the verifier as a whole would refuse every one before the signature. Here a stand-in takes
 * the place of what the vectors lack, and of nothing else: the signature is judged over the vector's own bytes.
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
  /** The key was asked about the signature, whatever it said. */
  readonly isSignatureJudged: boolean;
}

interface Judged {
  readonly vector: Vector;
  readonly verdict: Verdict;
}

/** @throws TokenError as the parser does, but not about a payload that is no JSON */
function parseWithStandIns(jws: string): ParsedToken {
  try {
    parseCompactForm(jws, LIMITS);
  } catch (error) {
    // No JSON may be the payload or the header. The header is parsed again below.
    if (!(error instanceof TokenError && PAYLOAD_IS_NO_JSON.includes(error.reason))) throw error;
  }
  const parts = jws.split('.');
  parts[1] = encode(STAND_IN_CLAIMS);
  const { header } = parseCompactForm(parts.join('.'), LIMITS);
  parts[0] = encode({ typ: STAND_IN_TYP, ...header });
  return { ...parseCompactToken(parts.join('.')), signingInput: jws.slice(0, jws.lastIndexOf('.')) };
}

/** For bytes that no token is over: the signature comes through the parser, the bytes stand where the parser leaves what was signed. */
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

/** Of one of the three algorithms. RSA with the exponent 3 ("Aw") is left out: the verifier wants 65537. */
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
  /** All the reasons for which valid vectors are refused. */
  readonly unsupported: readonly string[];
  /** All the reasons for which vectors of supported algorithms do not come to the signature. */
  readonly refusedEarly: readonly string[];
}

const ROWS: readonly Row[] = [
  {
    file: 'json_web_signature',
    judged: judgedTokens('json_web_signature'),
    unsupported: [
      // HS256: a shared secret has no place in a key set.
      'key set: a private key is in it',
      // RS384, RS512, PS256, PS384, PS512, and what RFC 7520 is made to call ES521.
      'key: alg is missing or unknown',
      // RFC 7515 has no foreign characters; Wycheproof lets a parser skip them.
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

  it('refuses every invalid vector but those named here', () => {
    expect(invalid.length).toBeGreaterThan(0);
    expect(namesOf(invalid.filter(isAccepted))).toEqual([]);
  });

  it('accepts every valid vector of a key that it supports', () => {
    const due = valid.filter(({ vector }) => isSupported(vector));
    expect(due.length).toBeGreaterThan(0);
    expect(namesOf(due.filter((one) => !isAccepted(one)))).toEqual([]);
  });

  it('refuses valid vectors for the stated reasons alone', () => {
    expect(reasonsOf(valid.filter((one) => !isAccepted(one)))).toEqual(new Set(unsupported));
  });

  it('judges the signature, unless form or key is refused for a stated reason', () => {
    const early = supported.filter(({ verdict }) => !verdict.isSignatureJudged);
    expect(supported.length - early.length).toBeGreaterThan(0);
    expect(reasonsOf(early)).toEqual(new Set(refusedEarly));
  });
});

describe('base64url', () => {
  const vectors = tokenVectors('json_web_signature');
  const valid = vectors.filter(({ result }) => result === 'valid');

  // Their key is a shared secret, which no key set may hold: only the parser can be what refuses them.
  it('refuses by their form the tokens that are invalid by their encoding', () => {
    const intact = new Set(valid.map(({ jws }) => jws));
    // Some have lost in the file what was wrong with them: they are, to the byte, a valid vector.
    const broken = vectors.filter(
      ({ group, result, jws }) => group === 'base64' && result === 'invalid' && !intact.has(jws),
    );
    expect(broken.length).toBeGreaterThan(0);
    for (const { name, jws, keys } of broken)
      expect([name, judge(() => parseWithStandIns(jws), keys).reason]).toEqual([name, NOT_CANONICAL]);
  });

  it('refuses a valid token whose signature is spelled in another way', () => {
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

/** The last character of 64 or 256 bytes has four bits that decoders ignore, all zero: its neighbour in the alphabet differs there alone. */
function withSpareBit(signature: string): string {
  return signature.slice(0, -1) + String.fromCharCode(signature.charCodeAt(signature.length - 1) + 1);
}
