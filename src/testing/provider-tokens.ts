import { constants, generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import type { SubjectTokenAlgorithm } from '../identity-providers/subject-token-algorithm.ts';

/** A signing key of a test identity provider. */
export interface ProviderSigningKey {
  readonly kid: string;
  readonly algorithm: SubjectTokenAlgorithm;
  readonly privateKey: KeyObject;
  /** As in a key set. */
  readonly jwk: JsonWebKey;
}

const CURVES: Readonly<Partial<Record<SubjectTokenAlgorithm, string>>> = {
  ES256: 'P-256',
  ES384: 'P-384',
  ES512: 'P-521',
};

export function providerKey(
  kid: string,
  algorithm: SubjectTokenAlgorithm = 'ES256',
  rsa: { readonly bits: number; readonly exponent: number } = { bits: 2_048, exponent: 65_537 },
): ProviderSigningKey {
  const { privateKey, publicKey } = generate(algorithm, rsa);
  return {
    kid,
    algorithm,
    privateKey,
    jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' },
  };
}

function generate(algorithm: SubjectTokenAlgorithm, { bits, exponent }: { bits: number; exponent: number }) {
  const namedCurve = CURVES[algorithm];
  if (namedCurve !== undefined) return generateKeyPairSync('ec', { namedCurve });
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519');
  return generateKeyPairSync('rsa', { modulusLength: bits, publicExponent: exponent });
}

export interface WrittenToken {
  readonly key: ProviderSigningKey;
  readonly claims: Readonly<Record<string, unknown>>;
  /** Added to `alg`, `kid` and `typ`; undefined removes a member. */
  readonly header?: Readonly<Record<string, unknown>>;
}

/** Makes a correctly signed token with any claims. */
export function writeSubjectToken({ key, claims, header = {} }: WrittenToken): string {
  const fullHeader = { typ: 'JWT', alg: key.algorithm, kid: key.kid, ...header };
  return signSubjectTokenText(key, JSON.stringify(fullHeader), JSON.stringify(claims));
}

/** The same for texts that no serializer would write. */
export function signSubjectTokenText(key: ProviderSigningKey, header: string, payload: string): string {
  const signingInput = `${base64url(header)}.${base64url(payload)}`;
  const digest = key.algorithm === 'EdDSA' ? null : `sha${key.algorithm.slice(2)}`;
  const signature = sign(digest, Buffer.from(signingInput), {
    key: key.privateKey,
    dsaEncoding: 'ieee-p1363',
    ...(key.algorithm.startsWith('PS') && {
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    }),
  });
  return `${signingInput}.${signature.toString('base64url')}`;
}

export function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}
