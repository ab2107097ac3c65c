import { Closing } from '../revocations/closing.ts';
import { parseCompactToken } from './compact-token.ts';
import { IssuerKeySets } from '../keys/issuer-key-sets.ts';
import { type MonotonicClock, SYSTEM_MONOTONIC_CLOCK } from './monotonic-clock.ts';
import { createRevocationCheck, type RevocationCheck } from '../revocations/revocation-check.ts';
import { TokenError } from './token-error.ts';
import type { VerifiedToken } from './verified-token.ts';
import type { VerifierOptions } from './verifier-options.ts';
import { parseVerifierOptions, type VerifierSettings } from './verifier-settings.ts';
import { verifyParsed } from './verify-parsed.ts';

/** Judges tokens offline, with keys that it fetches behind the caller's back. Make one and keep it. */
export interface TokenVerifier {
  /** Rejects with `TokenError` and nothing else; settles within the fetch deadline and half a second. */
  verify(token: string): Promise<VerifiedToken>;
  /** Fetches the listed key sets and the feed of revocations now. Rejects with `TokenError`. Verification works without it. */
  hydrate(): Promise<void>;
  /** Ends timers and connections. A script that lives no longer than its tokens should call it. */
  close(): void;
}

// Registered, so that two copies of this package meet.
const DEMAND_FRESH: unique symbol = Symbol.for('@tessera/token/demandFreshRevocations');

/**
 * For guards that want more than the verifier's own policy: throws unless its list of revocations is fresh now.
 *
 * @param token asks about the list of its issuer alone; default: about every list that the verifier follows
 * @throws TokenError `REVOCATIONS_STALE`; for a verifier without a list, too
 */
export function demandFreshRevocations(verifier: TokenVerifier, token?: VerifiedToken): void {
  if (!(DEMAND_FRESH in verifier)) throw new TokenError('REVOCATIONS_STALE', 'the verifier knows of no revocations');
  (verifier as OfflineVerifier)[DEMAND_FRESH](token);
}

/** @throws TypeError that ends with the fix */
export function createVerifier(options: VerifierOptions): TokenVerifier {
  return createVerifierWithClock(options, SYSTEM_MONOTONIC_CLOCK);
}

/** For tests, which move the clock. Not exported by the package. */
export function createVerifierWithClock(options: VerifierOptions, clock: MonotonicClock): TokenVerifier {
  return new OfflineVerifier(parseVerifierOptions(options), clock);
}

class OfflineVerifier implements TokenVerifier {
  readonly #settings: VerifierSettings;
  readonly #keySets: IssuerKeySets;
  readonly #revocations: RevocationCheck;
  readonly #closing = new Closing();

  constructor(settings: VerifierSettings, clock: MonotonicClock) {
    const { trusted } = settings;
    const listed = new Set(trusted.listed.map(({ issuer }) => issuer));
    const isTrusted = (issuer: string): boolean => listed.has(issuer) || trusted.locateUnlisted(issuer) !== undefined;
    this.#settings = settings;
    this.#keySets = new IssuerKeySets(trusted, settings.keys, clock, this.#closing);
    this.#revocations = createRevocationCheck(settings, isTrusted, clock, this.#closing);
  }

  async verify(token: string): Promise<VerifiedToken> {
    try {
      return await this.#judge(token);
    } catch (error) {
      throw asTokenError(error);
    }
  }

  async hydrate(): Promise<void> {
    try {
      this.#refuseWhenClosed();
      await Promise.all([this.#keySets.hydrate(), this.#revocations.hydrate()]);
    } catch (error) {
      throw asTokenError(error);
    }
  }

  close(): void {
    this.#closing.close();
  }

  [DEMAND_FRESH](token?: VerifiedToken): void {
    this.#revocations.demandFresh(token);
  }

  async #judge(token: string): Promise<VerifiedToken> {
    this.#refuseWhenClosed();
    const parsed = parseCompactToken(token);
    // Nothing is proven yet: the issuer that the token names only says whose keys to look among.
    const issuer = parsed.claims.iss;
    const keySet = typeof issuer === 'string' ? this.#keySets.of(issuer) : undefined;
    if (typeof issuer !== 'string' || keySet === undefined)
      throw new TokenError('TOKEN_ISSUER_UNTRUSTED', 'iss is outside the trust');

    const revocationsReady = this.#revocations.ready(issuer);
    const found = keySet.find(parsed.header.kid);
    const key = 'then' in found ? await found : found;
    if (!this.#settings.algorithms.includes(key.alg))
      throw new TokenError('TOKEN_ALGORITHM_REFUSED', 'the alg of the key is not allowed here');
    const { audiences, surfaces, clockSkewSeconds, maxLifetimeSeconds, nowSeconds } = this.#settings;
    const verified = verifyParsed(parsed, {
      key,
      issuer,
      audiences,
      surfaces,
      clockSkewSeconds,
      maxLifetimeSeconds,
      nowSeconds: nowSeconds(),
    });
    if (revocationsReady !== undefined) await revocationsReady;
    this.#revocations.check(verified);
    return verified;
  }

  #refuseWhenClosed(): void {
    if (this.#closing.isClosed) throw new TokenError('KEYS_UNAVAILABLE', 'the verifier is closed');
  }
}

/** What was not foreseen is no verdict on the token, and its text may hold anything. */
function asTokenError(error: unknown): TokenError {
  return error instanceof TokenError ? error : new TokenError('KEYS_UNAVAILABLE', 'unexpected failure');
}
