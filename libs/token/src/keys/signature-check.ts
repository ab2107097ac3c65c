import { constants, type KeyObject, verify } from 'node:crypto';
import { jwsToDer } from './ecdsa-encoding.ts';

type Digest = 'sha256' | 'sha384' | 'sha512';

/**
 * One signature algorithm of JWS. Who may use which is decided by the tables of such rows, each closed and with its owner: @tessera/token has three,
 * the service has ten for identity providers. HMAC and `none` cannot be written as a row: whoever verifies an HMAC can also make one.
 */
export type SignatureAlgorithm =
  /** RFC 7518, sections 3.3 and 3.5. */
  | { readonly keyType: 'rsa'; readonly digest: Digest; readonly padding: 'pkcs1' | 'pss' }
  /** RFC 7518, section 3.4. `curve` is OpenSSL's name. */
  | { readonly keyType: 'ec'; readonly digest: Digest; readonly curve: string; readonly signatureBytes: number }
  /** RFC 8037, section 3.1, with Ed25519. */
  | { readonly keyType: 'ed25519'; readonly digest: null; readonly signatureBytes: 64 };

// RFC 7518, section 3.5: the salt is as long as the digest.
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } as const;

/** Whether the key has the algorithm's type and curve. */
export function keyFits(algorithm: SignatureAlgorithm, key: KeyObject): boolean {
  if (key.asymmetricKeyType !== algorithm.keyType) return false;
  return algorithm.keyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve === algorithm.curve;
}

/** Whether the key confirms the signature. False for a key that does not fit the algorithm. Every token that is accepted has passed this function. */
export function verifySignature(
  algorithm: SignatureAlgorithm,
  key: KeyObject,
  signingInput: string,
  signature: Buffer,
): boolean {
  if (!keyFits(algorithm, key)) return false;
  // RFC 7518, section 3.4: R and S at full length. A DER signature is refused.
  if (algorithm.keyType !== 'rsa' && signature.length !== algorithm.signatureBytes) return false;
  const data = Buffer.from(signingInput, 'latin1');
  if (algorithm.keyType === 'rsa' && algorithm.padding === 'pss')
    return verify(algorithm.digest, data, { key, ...PSS }, signature);
  // The key alone: on Node.js 24, options beside it cost 20 µs. Without options an RSA key verifies PKCS #1 1.5, and an EC key DER.
  return verify(algorithm.digest, data, key, algorithm.keyType === 'ec' ? jwsToDer(signature) : signature);
}
