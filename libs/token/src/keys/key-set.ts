import { holdsPrivateKey, importVerificationKey, type VerificationKey } from './verification-key.ts';

// Bounds the work of importing a fetched set. A key ring holds a handful of keys.
const MAX_KEYS = 100;

export type ParsedKeySet =
  | { readonly keys: ReadonlyMap<string, VerificationKey>; readonly refusal?: undefined }
  /** The whole set must not be used. `refusal` says why in a fixed phrase. */
  | { readonly keys?: undefined; readonly refusal: string };

/**
 * Parses a JWK Set (RFC 7517, section 5). A single unusable key is skipped. The whole set is refused if it contains a private key, the same kid twice
 * or more than 100 keys: then the set itself cannot be trusted.
 */
export function parseKeySet(value: unknown): ParsedKeySet {
  if (typeof value !== 'object' || value === null || !('keys' in value) || !Array.isArray(value.keys))
    return { refusal: 'not a key set' };
  const jwks: readonly unknown[] = value.keys;
  if (jwks.length > MAX_KEYS) return { refusal: 'more than 100 keys' };

  const kids = new Set<string>();
  const keys = new Map<string, VerificationKey>();
  for (const jwk of jwks) {
    if (typeof jwk !== 'object' || jwk === null) continue;
    if (holdsPrivateKey(jwk)) return { refusal: 'a private key is in it' };
    if ('kid' in jwk && typeof jwk.kid === 'string') {
      if (kids.has(jwk.kid)) return { refusal: 'a kid repeats' };
      kids.add(jwk.kid);
    }
    const { key } = importVerificationKey(jwk);
    if (key !== undefined) keys.set(key.kid, key);
  }
  return { keys };
}
