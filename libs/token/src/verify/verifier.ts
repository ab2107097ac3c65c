import type { KeyObject } from 'node:crypto';
import { CloseSignal } from '../runtime/close-signal.ts';
import { parseCompactToken } from './compact-token.ts';
import { IssuerKeySets } from '../keys/issuer-key-sets.ts';
import { type MonotonicClock, SYSTEM_MONOTONIC_CLOCK } from '../runtime/monotonic-clock.ts';
import { createRevocationCheck, type RevocationCheck } from '../revocations/revocation-check.ts';
import { TokenError } from './token-error.ts';
import type { VerifiedToken } from './verified-token.ts';
import type { VerifierOptions } from './verifier-options.ts';
import { parseVerifierOptions, type VerifierSettings } from './verifier-settings.ts';
import { verifyParsed } from './verify-parsed.ts';

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
const DEMAND_FRESH: unique symbol = Symbol.for('@tessera/token/demandFreshRevocations');
const PUBLIC_KEY_OF: unique symbol = Symbol.for('@tessera/token/publicKeyOf');

/**
 * For routes with a stricter policy than the verifier's: throws unless the list of revocations is fresh now.
 *
 * @param token checks only the list of its issuer; default: all lists of the verifier
 * @throws TokenError `REVOCATIONS_STALE`, also for a verifier without a list
 */
export function demandFreshRevocations(verifier: TokenVerifier, token?: VerifiedToken): void {
  if (!(DEMAND_FRESH in verifier)) throw new TokenError('REVOCATIONS_STALE', 'the verifier has no list of revocations');
  (verifier as OfflineVerifier)[DEMAND_FRESH](token);
}

/**
 * The public key that verified a token, for code that hands the token to another JWT library afterwards.
 *
 * @throws TokenError when the verifier does not have the key any more
 */
export async function publicKeyOf(verifier: TokenVerifier, token: VerifiedToken): Promise<KeyObject> {
  if (!(PUBLIC_KEY_OF in verifier)) throw new TokenError('KEYS_UNAVAILABLE', 'the verifier shows no keys');
  return (verifier as OfflineVerifier)[PUBLIC_KEY_OF](token);
}

/** @throws TypeError that ends with the fix */
export function createVerifier(options: VerifierOptions): TokenVerifier {
  return createVerifierWithClock(options, SYSTEM_MONOTONIC_CLOCK);
}

/** For tests that move the clock. Not exported by the package. */
export function createVerifierWithClock(options: VerifierOptions, clock: MonotonicClock): TokenVerifier {
  return new OfflineVerifier(parseVerifierOptions(options), clock);
}

class OfflineVerifier implements TokenVerifier {
  readonly #settings: VerifierSettings;
  readonly #keySets: IssuerKeySets;
  readonly #revocations: RevocationCheck;
  readonly #closing = new CloseSignal();

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
      return await this.#parseAndVerify(token);
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

  async [PUBLIC_KEY_OF]({ issuer, keyId }: VerifiedToken): Promise<KeyObject> {
    const key = await this.#keySets.of(issuer)?.find(keyId);
    if (key === undefined) throw new TokenError('TOKEN_ISSUER_UNTRUSTED', 'iss is not trusted');
    return key.publicKey;
  }

  [DEMAND_FRESH](token?: VerifiedToken): void {
    this.#revocations.demandFresh(token);
  }

  async #parseAndVerify(token: string): Promise<VerifiedToken> {
    this.#refuseWhenClosed();
    const parsed = parseCompactToken(token);
    // Nothing is verified yet. The issuer in the token only selects a key set.
    const issuer = parsed.claims.iss;
    const keySet = typeof issuer === 'string' ? this.#keySets.of(issuer) : undefined;
    if (typeof issuer !== 'string' || keySet === undefined)
      throw new TokenError('TOKEN_ISSUER_UNTRUSTED', 'iss is not a trusted issuer');

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

/** An unexpected error says nothing about the token, and its text may contain anything. So it is replaced. */
function asTokenError(error: unknown): TokenError {
  return error instanceof TokenError ? error : new TokenError('KEYS_UNAVAILABLE', 'unexpected failure');
}
