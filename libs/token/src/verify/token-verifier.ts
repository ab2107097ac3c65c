import type { KeyObject } from 'node:crypto';
import { TokenError } from './token-error.ts';
import type { VerifiedToken } from './verified-token.ts';

/** Verifies tokens offline, with keys that it fetches in the background. Make one and keep it. */
export interface TokenVerifier {
  /** Rejects with `TokenError` and nothing else; settles within the fetch deadline and half a second. */
  verify(token: string): Promise<VerifiedToken>;
  /** Fetches the listed key sets and the revocation feed now. Rejects with `TokenError`. Optional: `verify` fetches what it needs. */
  hydrate(): Promise<void>;
  /** Stops timers and open requests. Call it in a script that is meant to exit. */
  close(): void;
}

// Registered symbols, so that two copies of this package work together.
export const DEMAND_FRESH: unique symbol = Symbol.for('@tessera/token/demandFreshRevocations');
export const PUBLIC_KEY_OF: unique symbol = Symbol.for('@tessera/token/publicKeyOf');
export const TRUSTED_ISSUERS: unique symbol = Symbol.for('@tessera/token/trustedIssuers');

/** What the verifiers of this package can do besides. A verifier that somebody else wrote need not. */
export interface TesseraTokenVerifier extends TokenVerifier {
  /** @throws TokenError `REVOCATIONS_STALE` */
  [DEMAND_FRESH](token?: VerifiedToken): void;
  /** @throws TokenError when the verifier does not have the key any more */
  [PUBLIC_KEY_OF](token: VerifiedToken): Promise<KeyObject>;
  /** For people: listed issuers, or `<base URL>/tenants/*`. */
  readonly [TRUSTED_ISSUERS]: readonly string[];
}

/**
 * For routes with a stricter policy than the verifier's: throws unless the list of revocations is fresh now.
 *
 * @param token checks only the list of its issuer; default: all lists of the verifier
 * @throws TokenError `REVOCATIONS_STALE`, also for a verifier without a list
 */
export function demandFreshRevocations(verifier: TokenVerifier, token?: VerifiedToken): void {
  if (!(DEMAND_FRESH in verifier)) throw new TokenError('REVOCATIONS_STALE', 'the verifier has no list of revocations');
  (verifier as TesseraTokenVerifier)[DEMAND_FRESH](token);
}

/**
 * The public key that verified a token, for code that hands the token to another JWT library afterwards.
 *
 * @throws TokenError when the verifier does not have the key any more
 */
export async function publicKeyOf(verifier: TokenVerifier, token: VerifiedToken): Promise<KeyObject> {
  if (!(PUBLIC_KEY_OF in verifier)) throw new TokenError('KEYS_UNAVAILABLE', 'the verifier shows no keys');
  return (verifier as TesseraTokenVerifier)[PUBLIC_KEY_OF](token);
}

/**
 * The issuers that a verifier trusts, for logs: each by its name, or `<base URL>/tenants/*` for all tenants of one Tessera.
 *
 * @returns an empty list for a verifier that does not say
 */
export function trustedIssuersOf(verifier: TokenVerifier): readonly string[] {
  return TRUSTED_ISSUERS in verifier ? (verifier as TesseraTokenVerifier)[TRUSTED_ISSUERS] : [];
}
