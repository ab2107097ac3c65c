import { createPrivateKey, createPublicKey, type JsonWebKey, KeyObject } from 'node:crypto';
import type { SigningAlgorithm } from '@tessera/token';
import { importVerificationKey, wrongOption } from '@tessera/token/core';

/** A checked private key: it fits its `alg`. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  readonly privateKey: KeyObject;
}

const FIX = 'pass a private JWK with kid and alg, or { key, kid, alg } with a private KeyObject';

/** @throws TypeError that ends with the fix, and never shows the key */
export function parsePrivateKey(value: unknown): SigningKey {
  if (typeof value !== 'object' || value === null) throw wrong('is not a key');
  const { kid, alg, key } = value as Readonly<Record<string, unknown>>;
  const privateKey = key === undefined ? importJwk(value) : key;
  if (!(privateKey instanceof KeyObject) || privateKey.type !== 'private') throw wrong('is not a private key');
  const { key: checked, reason } = importVerificationKey({ ...publicHalfOf(privateKey), kid, alg });
  if (checked === undefined) throw wrong(`cannot be used: ${reason}`);
  return Object.freeze({ kid: checked.kid, alg: checked.alg, privateKey });
}

function importJwk(jwk: object): KeyObject | undefined {
  try {
    return createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' });
  } catch {
    return undefined;
  }
}

/** @returns undefined for a type of keys that JWK cannot express */
function publicHalfOf(privateKey: KeyObject): JsonWebKey | undefined {
  try {
    return createPublicKey(privateKey).export({ format: 'jwk' });
  } catch {
    return undefined;
  }
}

function wrong(fault: string): TypeError {
  return wrongOption('tokens.privateKey', fault, FIX);
}
