import { constants, type KeyObject, verify } from 'node:crypto';

/**
 * Signature algorithms with a key that only the issuer has. Whoever can verify an HMAC can also make one, and `none` is no signature. Neither has a
 * row here, so no configuration can allow them.
 */
export type SubjectTokenAlgorithm =
  'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'ES512' | 'EdDSA';

interface AlgorithmRow {
  readonly keyType: 'rsa' | 'ec' | 'ed25519';
  /** OpenSSL's name of the algorithm's curve. */
  readonly curve?: string;
  readonly digest: 'sha256' | 'sha384' | 'sha512' | null;
  /** Length of a signature; for RSA it depends on the key. */
  readonly signatureBytes?: number;
  readonly pss?: true;
}

/** RFC 7518, sections 3.3 to 3.5; RFC 8037, section 3.1, with Ed25519. */
const ROWS: Readonly<Record<SubjectTokenAlgorithm, AlgorithmRow>> = {
  RS256: { keyType: 'rsa', digest: 'sha256' },
  RS384: { keyType: 'rsa', digest: 'sha384' },
  RS512: { keyType: 'rsa', digest: 'sha512' },
  PS256: { keyType: 'rsa', digest: 'sha256', pss: true },
  PS384: { keyType: 'rsa', digest: 'sha384', pss: true },
  PS512: { keyType: 'rsa', digest: 'sha512', pss: true },
  ES256: { keyType: 'ec', curve: 'prime256v1', digest: 'sha256', signatureBytes: 64 },
  ES384: { keyType: 'ec', curve: 'secp384r1', digest: 'sha384', signatureBytes: 96 },
  ES512: { keyType: 'ec', curve: 'secp521r1', digest: 'sha512', signatureBytes: 132 },
  EdDSA: { keyType: 'ed25519', digest: null, signatureBytes: 64 },
};

export const SUBJECT_TOKEN_ALGORITHMS: readonly SubjectTokenAlgorithm[] = Object.freeze(
  Object.keys(ROWS) as SubjectTokenAlgorithm[],
);

export function isSubjectTokenAlgorithm(value: unknown): value is SubjectTokenAlgorithm {
  return typeof value === 'string' && Object.hasOwn(ROWS, value);
}

/** Whether the key has the algorithm's type and curve. */
export function fitsAlgorithm(algorithm: SubjectTokenAlgorithm, key: KeyObject): boolean {
  const { keyType, curve } = ROWS[algorithm];
  return key.asymmetricKeyType === keyType && (curve === undefined || key.asymmetricKeyDetails?.namedCurve === curve);
}

/** @param key one that `fitsAlgorithm` */
export function signatureHolds(
  algorithm: SubjectTokenAlgorithm,
  key: KeyObject,
  signingInput: string,
  signature: Buffer,
): boolean {
  const { digest, signatureBytes, pss } = ROWS[algorithm];
  // RFC 7518, section 3.4: R and S at full length, not DER.
  if (signatureBytes !== undefined && signature.length !== signatureBytes) return false;
  return verify(
    digest,
    Buffer.from(signingInput, 'latin1'),
    {
      key,
      dsaEncoding: 'ieee-p1363',
      // RFC 7518, section 3.5: the salt is as long as the digest.
      ...(pss && { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }),
    },
    signature,
  );
}
