import { holdsPrivateKey, importVerificationKey, type VerificationKey } from './verification-key.ts';

// Every first sight of a set imports all its keys: a bound on that work. A ring holds a handful.
const MAX_KEYS = 100;

export type ParsedKeySet =
  | { readonly keys: ReadonlyMap<string, VerificationKey>; readonly refusal?: undefined }
  /** The set as a whole is not to be used, and why, in a fixed phrase. */
  | { readonly keys?: undefined; readonly refusal: string };

/**
 * A JWK Set (RFC 7517, section 5). A key that cannot be used is skipped; what makes the set itself doubtful refuses it whole: a private half in it,
 * a kid that means two keys, more keys than anybody has.
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
