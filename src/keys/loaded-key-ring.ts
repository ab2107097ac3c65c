import { importVerificationKey, keyConfirms, type VerificationKey } from '@tessera/token/core';
import { createPrivateKey, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { Secret } from '../config/secret.ts';
import { unavailable } from '../errors/tessera-error.ts';
import type { SigningAlgorithm } from '../tenancy/tenant.ts';
import {
  type KeyRing,
  publishedKeys,
  type RingKey,
  signingKey,
  type StoredKeyRing,
  verificationKeys,
} from './key-ring.ts';
import { ALGORITHMS, type PublicJwk } from './signing-algorithm.ts';

/** A private key ready for signing, verified to match its published half. */
export interface LoadedSigningKey {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  readonly privateKey: KeyObject;
  /** The half that verifiers get. */
  readonly publicJwk: PublicJwk;
  /** The protected header in base64url, with the dot after it: the same for every token of the key. */
  readonly encodedHeader: string;
  /** Length of a signature in base64url. */
  readonly encodedSignatureLength: number;
}

/**
 * A key ring whose keys were all verified. It keeps the key that signs, and those that have verified something, imported for the requests: an imported key
 * takes 3 to 6 KB outside of the heap, and of most tenants no other key is ever used here.
 */
export class LoadedKeyRing {
  readonly ring: KeyRing;
  readonly version: number;
  #signing: LoadedSigningKey | undefined;
  #verification: Map<string, VerificationKey> | undefined;

  /**
   * @param now epoch seconds
   * @throws TesseraError temporarily_unavailable if any key does not match its entry; then the whole ring is refused
   */
  constructor(stored: StoredKeyRing, now: number) {
    this.ring = stored.ring;
    this.version = stored.version;
    const signs = signingKey(stored.ring, now);
    for (const key of stored.ring.keys) {
      const publicHalf = importPublic(key);
      if (key.privateJwk === undefined) continue;
      const signing = importSigning(key, key.privateJwk, publicHalf);
      if (key === signs) this.#signing = signing;
    }
  }

  /** Whether this ring was loaded from the same content. The version alone is not enough: after a purge, a tenant starts again at 1. */
  isLoadedFrom(stored: StoredKeyRing): boolean {
    return this.version === stored.version && JSON.stringify(this.ring) === JSON.stringify(stored.ring);
  }

  /** The key that signs at `now`; undefined if the ring has none. */
  signingKey(now: number): LoadedSigningKey | undefined {
    const key = signingKey(this.ring, now);
    if (key?.privateJwk === undefined) return undefined;
    if (this.#signing?.kid !== key.kid) this.#signing = loadSigningKey(key, key.privateJwk);
    return this.#signing;
  }

  /** The key with that kid, if it may have signed a token that is valid at `now`. */
  verificationKey(kid: string, now: number): VerificationKey | undefined {
    const key = verificationKeys(this.ring, now).find((candidate) => candidate.kid === kid);
    if (key === undefined) return undefined;
    this.#verification ??= new Map();
    let imported = this.#verification.get(kid);
    if (imported === undefined) this.#verification.set(kid, (imported = importPublic(key)));
    return imported;
  }

  publishedKeys(now: number): RingKey[] {
    return publishedKeys(this.ring, now);
  }
}

/**
 * A key of a ring by itself.
 *
 * @throws TesseraError temporarily_unavailable when it is not what its entry says
 */
export function loadSigningKey(key: RingKey, privateJwk: Secret): LoadedSigningKey {
  return importSigning(key, privateJwk, importPublic(key));
}

function importPublic(key: RingKey): VerificationKey {
  const imported = importVerificationKey({ ...key.publicJwk, kid: key.kid, alg: key.alg });
  if (imported.key === undefined) throw refused();
  return imported.key;
}

/**
 * A private half that does not match the published one would make tokens that no verifier accepts or, worse, that only the wrong ones accept. It
 * signs a test value here before it may sign tokens.
 */
function importSigning(key: RingKey, privateJwk: Secret, publicHalf: VerificationKey): LoadedSigningKey {
  const { digest } = ALGORITHMS[key.alg];
  const probe = `does ${key.kid} belong to its published half?`;
  let privateKey: KeyObject;
  let signature: Buffer;
  let belongs: boolean;
  try {
    privateKey = createPrivateKey({ format: 'jwk', key: JSON.parse(Secret.reveal(privateJwk)) as JsonWebKey });
    signature = sign(digest, Buffer.from(probe, 'latin1'), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    belongs = keyConfirms(publicHalf, probe, signature);
  } catch (error) {
    throw refused(error);
  }
  if (!belongs) throw refused();
  const encodedSignatureLength = signature.toString('base64url').length;
  return {
    kid: key.kid,
    alg: key.alg,
    privateKey,
    publicJwk: key.publicJwk,
    encodedHeader: encodeHeader(key),
    encodedSignatureLength,
  };
}

/** RFC 9068, section 2.1: exactly these three members. */
function encodeHeader(key: RingKey): string {
  const header = JSON.stringify({ typ: 'at+jwt', alg: key.alg, kid: key.kid });
  return `${Buffer.from(header).toString('base64url')}.`;
}

function refused(cause?: unknown): Error {
  return unavailable('key ring', 'a key is not what its entry says', cause);
}
