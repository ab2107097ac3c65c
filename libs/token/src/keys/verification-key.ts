import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { SigningAlgorithm } from '../verify/claims.ts';
import { isRocaModulus } from './roca.ts';
import { type SignatureAlgorithm, verifySignature } from './signature-check.ts';

/** A checked public key: it fits its `alg`, and its `alg` alone decides how signatures are verified. */
export interface VerificationKey {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  readonly publicKey: KeyObject;
}

export type ImportedKey =
  | { readonly key: VerificationKey; readonly reason?: undefined }
  /** The key must be skipped. `reason` is a fixed phrase. */
  | { readonly key: undefined; readonly reason: string };

// RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1. A key published with one of these members is compromised.
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

export function holdsPrivateKey(jwk: object): boolean {
  return PRIVATE_MEMBERS.some((member) => Object.hasOwn(jwk, member));
}

interface AlgorithmRow {
  readonly kty: string;
  readonly crv?: string;
  readonly members: readonly string[];
  readonly signature: SignatureAlgorithm;
}

/** Tessera signs with these three. An algorithm without a row does not compile. */
const ALGORITHMS: Readonly<Record<SigningAlgorithm, AlgorithmRow>> = {
  ES256: {
    kty: 'EC',
    crv: 'P-256',
    members: ['x', 'y'],
    signature: { keyType: 'ec', curve: 'prime256v1', digest: 'sha256', signatureBytes: 64 },
  },
  RS256: { kty: 'RSA', members: ['n', 'e'], signature: { keyType: 'rsa', digest: 'sha256', padding: 'pkcs1' } },
  EdDSA: {
    kty: 'OKP',
    crv: 'Ed25519',
    members: ['x'],
    signature: { keyType: 'ed25519', digest: null, signatureBytes: 64 },
  },
};

function isSigningAlgorithm(value: unknown): value is SigningAlgorithm {
  return typeof value === 'string' && Object.hasOwn(ALGORITHMS, value);
}

/** Imports a public JWK (RFC 7517, section 4) for verification, or says why it cannot be used. Never throws. */
export function importVerificationKey(jwk: unknown): ImportedKey {
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) return skip('not an object');
  const members = jwk as Readonly<Record<string, unknown>>;
  const { kid, alg } = members;
  if (holdsPrivateKey(members)) return skip('holds a private key');
  const otherPurpose = refusalOfPurpose(members);
  if (otherPurpose !== undefined) return skip(otherPurpose);
  if (typeof kid !== 'string' || kid === '') return skip('no kid');
  if (!isSigningAlgorithm(alg)) return skip('alg is missing or unknown');
  const type = ALGORITHMS[alg];
  if (members.kty !== type.kty || members.crv !== type.crv) return skip('alg does not fit the key');
  if (!type.members.every((member) => typeof members[member] === 'string')) return skip('key material is missing');

  const { publicKey, reason } = importKeyMaterial(members);
  if (publicKey === undefined) return skip(reason);
  return { key: Object.freeze({ kid, alg, publicKey }) };
}

/** Whether the key confirms the signature, by the `alg` of the key. */
export function keyConfirms({ alg, publicKey }: VerificationKey, signingInput: string, signature: Buffer): boolean {
  return verifySignature(ALGORITHMS[alg].signature, publicKey, signingInput, signature);
}

/** Why a key is not meant for verifying signatures (RFC 7517, sections 4.2 and 4.3). Undefined if it is, or if it states no purpose. */
export function refusalOfPurpose(jwk: Readonly<Record<string, unknown>>): string | undefined {
  const { use, key_ops: operations } = jwk;
  if (use !== undefined && use !== 'sig') return 'use is not sig';
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify')))
    return 'key_ops lacks verify';
  return undefined;
}

export type ImportedKeyMaterial =
  | { readonly publicKey: KeyObject; readonly reason?: undefined }
  | { readonly publicKey?: undefined; readonly reason: string };

/** With larger ones, whoever publishes the key decides how long each verification takes. No key in use comes near. */
const RSA_BITS_AT_MOST = 8_192;
const RSA_EXPONENT_BELOW = 2n ** 33n;

/** Imports a public key of any type, if it is strong enough and cheap to verify with. Never throws. */
export function importKeyMaterial(jwk: object): ImportedKeyMaterial {
  let publicKey: KeyObject;
  try {
    publicKey = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
  } catch {
    return { reason: 'key material is not a key' };
  }
  if (publicKey.asymmetricKeyType === 'rsa') {
    // RFC 7518, section 3.3: at least 2,048 bits. Small exponents have made forgeries possible in the past.
    const { modulusLength = 0, publicExponent = 0n } = publicKey.asymmetricKeyDetails ?? {};
    if (modulusLength < 2_048) return { reason: 'RSA under 2048 bits' };
    if (modulusLength > RSA_BITS_AT_MOST) return { reason: 'RSA over 8192 bits' };
    if (publicExponent < 65_537n) return { reason: 'RSA exponent under 65537' };
    if (publicExponent >= RSA_EXPONENT_BELOW) return { reason: 'RSA exponent over 33 bits' };
    if (isRocaModulus(publicKey.export({ format: 'jwk' }).n ?? '')) return { reason: 'RSA key of a broken generator' };
  }
  return { publicKey };
}

function skip(reason: string): ImportedKey {
  return { key: undefined, reason };
}
