import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { Secret } from '../config/secret.ts';
import type { SigningAlgorithm } from '../tenancy/tenant.ts';
import { type PublicJwk, thumbprint } from './signing-algorithm.ts';

/** A new key that is in no ring yet. */
export interface NewSigningKey {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  readonly publicJwk: PublicJwk;
  readonly privateJwk: Secret;
}

const generate = promisify(generateKeyPair);

// NIST SP 800-57 part 1, table 2: 3,072 bits have the same strength as P-256 and Ed25519 (128 bits).
const RSA_BITS = 3072;

const GENERATORS: Readonly<Record<SigningAlgorithm, () => Promise<{ privateKey: KeyObject; publicKey: KeyObject }>>> =
  Object.freeze({
    ES256: () => generate('ec', { namedCurve: 'P-256' }),
    RS256: () => generate('rsa', { modulusLength: RSA_BITS, publicExponent: 65_537 }),
    EdDSA: () => generate('ed25519'),
  });

/** Makes a key pair on the thread pool, because RSA takes some hundred milliseconds. */
export async function newSigningKey(alg: SigningAlgorithm): Promise<NewSigningKey> {
  for (;;) {
    const { privateKey, publicKey } = await GENERATORS[alg]();
    // Node exports exactly the key's members, and each generator makes one type of the union.
    const publicJwk = publicKey.export({ format: 'jwk' }) as PublicJwk;
    const kid = thumbprint(publicJwk);
    // One thumbprint in 64 starts with a dash, which a command line would take for an option, for example when a key must be revoked at once.
    if (kid.startsWith('-')) continue;
    return { kid, alg, publicJwk, privateJwk: new Secret(JSON.stringify(privateKey.export({ format: 'jwk' }))) };
  }
}
