import { keyFits, type SignatureAlgorithm, verifySignature } from '@tessera/token/core';
import type { KeyObject } from 'node:crypto';

/**
 * Signature algorithms with a key that only the issuer has. Whoever can verify an HMAC can also make one, and `none` is no signature. Neither has a
 * row here, so no configuration can allow them.
 */
export type SubjectTokenAlgorithm =
  'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'ES512' | 'EdDSA';

const ROWS: Readonly<Record<SubjectTokenAlgorithm, SignatureAlgorithm>> = {
  RS256: { keyType: 'rsa', digest: 'sha256', padding: 'pkcs1' },
  RS384: { keyType: 'rsa', digest: 'sha384', padding: 'pkcs1' },
  RS512: { keyType: 'rsa', digest: 'sha512', padding: 'pkcs1' },
  PS256: { keyType: 'rsa', digest: 'sha256', padding: 'pss' },
  PS384: { keyType: 'rsa', digest: 'sha384', padding: 'pss' },
  PS512: { keyType: 'rsa', digest: 'sha512', padding: 'pss' },
  ES256: { keyType: 'ec', curve: 'prime256v1', digest: 'sha256', signatureBytes: 64 },
  ES384: { keyType: 'ec', curve: 'secp384r1', digest: 'sha384', signatureBytes: 96 },
  ES512: { keyType: 'ec', curve: 'secp521r1', digest: 'sha512', signatureBytes: 132 },
  EdDSA: { keyType: 'ed25519', digest: null, signatureBytes: 64 },
};

/** RFC 9864, section 2.2: EdDSA with the only curve that has a row here. It is another name of that row, not a row of its own. */
const ED25519 = 'Ed25519';

export const SUBJECT_TOKEN_ALGORITHMS: readonly SubjectTokenAlgorithm[] = Object.freeze(
  Object.keys(ROWS) as SubjectTokenAlgorithm[],
);

/** What headers, JWKs and tenants files may write. */
export const SUBJECT_TOKEN_ALGORITHM_NAMES: readonly string[] = Object.freeze([...SUBJECT_TOKEN_ALGORITHMS, ED25519]);

/**
 * The algorithm that a header, a JWK or a tenants file names. `EdDSA` and `Ed25519` are one algorithm.
 *
 * @returns undefined for any other name; names are compared exactly
 */
export function parseSubjectTokenAlgorithm(name: unknown): SubjectTokenAlgorithm | undefined {
  if (name === ED25519) return 'EdDSA';
  return isSubjectTokenAlgorithm(name) ? name : undefined;
}

export function isSubjectTokenAlgorithm(value: unknown): value is SubjectTokenAlgorithm {
  return typeof value === 'string' && Object.hasOwn(ROWS, value);
}

/** Whether the key has the algorithm's type and curve. */
export function fitsAlgorithm(algorithm: SubjectTokenAlgorithm, key: KeyObject): boolean {
  return keyFits(ROWS[algorithm], key);
}

/** Whether the key confirms the signature. False for a key that does not fit the algorithm. */
export function signatureHolds(
  algorithm: SubjectTokenAlgorithm,
  key: KeyObject,
  signingInput: string,
  signature: Buffer,
): boolean {
  return verifySignature(ROWS[algorithm], key, signingInput, signature);
}
