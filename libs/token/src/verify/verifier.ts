import type { KeyObject } from 'node:crypto';
import { CloseSignal } from '../runtime/close-signal.ts';
import { type ParsedToken, parseCompactToken } from './compact-token.ts';
import { IssuerKeySets } from '../keys/issuer-key-sets.ts';
import type { VerificationKey } from '../keys/verification-key.ts';
import { type MonotonicClock, SYSTEM_MONOTONIC_CLOCK } from '../runtime/monotonic-clock.ts';
import { createRevocationCheck, type RevocationCheck } from '../revocations/revocation-check.ts';
import { SeveralVerifiers } from './several-verifiers.ts';
import { TokenError } from './token-error.ts';
import {
  DEMAND_FRESH,
  PUBLIC_KEY_OF,
  type TesseraTokenVerifier,
  type TokenVerifier,
  TRUSTED_ISSUERS,
} from './token-verifier.ts';
import type { VerifiedToken } from './verified-token.ts';
import type { VerifierOptions } from './verifier-options.ts';
import { parseAllVerifierOptions, type VerifierSettings } from './verifier-settings.ts';
import { verifyParsed } from './verify-parsed.ts';

/** @throws TypeError that ends with the fix */
export function createVerifier(options: VerifierOptions): TokenVerifier {
  return createVerifierWithClock(options, SYSTEM_MONOTONIC_CLOCK);
}

/** For tests that move the clock. Not exported by the package. */
export function createVerifierWithClock(options: VerifierOptions, clock: MonotonicClock): TokenVerifier {
  const members = parseAllVerifierOptions(options).map((settings) => ({
    trusted: settings.trusted,
    verifier: new OfflineVerifier(settings, clock),
  }));
  const [first, ...others] = members;
  return first !== undefined && others.length === 0 ? first.verifier : new SeveralVerifiers(members);
}

class OfflineVerifier implements TesseraTokenVerifier {
  readonly #settings: VerifierSettings;
  readonly #keySets: IssuerKeySets;
  readonly #revocations: RevocationCheck;
  readonly #closing = new CloseSignal();

  constructor(settings: VerifierSettings, clock: MonotonicClock) {
    this.#settings = settings;
    this.#keySets = new IssuerKeySets(settings.trusted, settings.keys, clock, this.#closing);
    this.#revocations = createRevocationCheck(settings, settings.trusted.trusts, clock, this.#closing);
  }

  get [TRUSTED_ISSUERS](): readonly string[] {
    const { listed, allTenantsOf } = this.#settings.trusted;
    return allTenantsOf === undefined ? listed.map(({ issuer }) => issuer) : [`${allTenantsOf}/tenants/*`];
  }

  /** A token whose keys and revocations are in memory is verified at once, without a promise for each step. */
  verify(token: string): Promise<VerifiedToken> {
    try {
      const verified = this.#parseAndVerify(token);
      return 'then' in verified ? verified.catch(rethrow) : Promise.resolve(verified);
    } catch (error) {
      return Promise.reject(asTokenError(error));
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

  #parseAndVerify(token: string): VerifiedToken | Promise<VerifiedToken> {
    this.#refuseWhenClosed();
    const parsed = parseCompactToken(token);
    // Nothing is verified yet. The issuer in the token only selects a key set.
    const issuer = parsed.claims.iss;
    const keySet = typeof issuer === 'string' ? this.#keySets.of(issuer) : undefined;
    if (typeof issuer !== 'string' || keySet === undefined)
      throw new TokenError('TOKEN_ISSUER_UNTRUSTED', 'iss is not a trusted issuer');

    const revocationsReady = this.#revocations.ready(issuer);
    const key = keySet.find(parsed.header.kid);
    return 'then' in key || revocationsReady !== undefined
      ? this.#verifyLater(parsed, issuer, key, revocationsReady)
      : this.#refuseRevoked(this.#verifyWith(key, parsed, issuer));
  }

  async #verifyLater(
    parsed: ParsedToken,
    issuer: string,
    key: VerificationKey | Promise<VerificationKey>,
    revocationsReady: Promise<void> | undefined,
  ): Promise<VerifiedToken> {
    const verified = this.#verifyWith(await key, parsed, issuer);
    await revocationsReady;
    return this.#refuseRevoked(verified);
  }

  #verifyWith(key: VerificationKey, parsed: ParsedToken, issuer: string): VerifiedToken {
    if (!this.#settings.algorithms.includes(key.alg))
      throw new TokenError('TOKEN_ALGORITHM_REFUSED', 'the alg of the key is not allowed here');
    const { audiences, surfaces, clockSkewSeconds, maxLifetimeSeconds, nowSeconds } = this.#settings;
    return verifyParsed(parsed, {
      key,
      issuer,
      audiences,
      surfaces,
      clockSkewSeconds,
      maxLifetimeSeconds,
      nowSeconds: nowSeconds(),
    });
  }

  #refuseRevoked(verified: VerifiedToken): VerifiedToken {
    this.#revocations.check(verified);
    return verified;
  }

  #refuseWhenClosed(): void {
    if (this.#closing.isClosed) throw new TokenError('KEYS_UNAVAILABLE', 'the verifier is closed');
  }
}

function rethrow(error: unknown): never {
  throw asTokenError(error);
}

/** An unexpected error says nothing about the token, and its text may contain anything. So it is replaced. */
function asTokenError(error: unknown): TokenError {
  return error instanceof TokenError ? error : new TokenError('KEYS_UNAVAILABLE', 'unexpected failure');
}
