import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { Secret } from '../config/secret.ts';
import type { SigningAlgorithm } from '../tenancy/tenant.ts';
import { type PublicJwk, thumbprint } from './signing-algorithm.ts';

/** A fresh key that is in no ring yet. */
export interface NewSigningKey {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  readonly publicJwk: PublicJwk;
  readonly privateJwk: Secret;
}

const generate = promisify(generateKeyPair);

// NIST SP 800-57 part 1, table 2: 3,072 bits stand beside P-256 and Ed25519 (128 bits of security).
const RSA_BITS = 3072;

const GENERATORS: Readonly<Record<SigningAlgorithm, () => Promise<{ privateKey: KeyObject; publicKey: KeyObject }>>> =
  Object.freeze({
    ES256: () => generate('ec', { namedCurve: 'P-256' }),
    RS256: () => generate('rsa', { modulusLength: RSA_BITS, publicExponent: 65_537 }),
    EdDSA: () => generate('ed25519'),
  });

/** Makes a key pair on the thread pool (RSA takes some hundred milliseconds). */
export async function newSigningKey(alg: SigningAlgorithm): Promise<NewSigningKey> {
  for (;;) {
    const { privateKey, publicKey } = await GENERATORS[alg]();
    // Node exports exactly the members that make the key, and each generator makes a type of the union.
    const publicJwk = publicKey.export({ format: 'jwk' }) as PublicJwk;
    const kid = thumbprint(publicJwk);
    // One thumbprint in 64 starts with a dash. A command line takes that for an option, of all times when a key must be revoked at once.
    if (kid.startsWith('-')) continue;
    return { kid, alg, publicJwk, privateJwk: new Secret(JSON.stringify(privateKey.export({ format: 'jwk' }))) };
  }
}
