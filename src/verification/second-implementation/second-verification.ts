import { Inject, Injectable } from '@nestjs/common';
import type { VerificationKey, VerifiedToken } from '@tessera/token/core';
import { LRUCache } from 'lru-cache';
import { hash } from 'node:crypto';
import { CONFIG, type CachesConfig } from '../../config/config.ts';
import { Clock, CLOCK_SKEW_SECONDS, epochSeconds } from '../../domain/clock.ts';
import { TesseraError } from '../../errors/tessera-error.ts';
import { OwnTokenVerifier } from '../own-tokens.ts';

/** Tokens for each tenant that is kept, and at least so many: 200 bytes each. An evicted token is only verified twice again at its next use. */
const TOKENS_OF_A_TENANT = 5;
const MIN_AGREEMENTS = 10_000;

/** Records that jsonwebtoken has accepted a token, with its key and times. */
interface Agreement {
  readonly key: VerificationKey;
  readonly issuer: string;
  readonly tokenId: string;
}

/**
 * Shared by the strategies of the bearer routes: gives the key for jsonwebtoken, and remembers the tokens that jsonwebtoken has accepted.
 *
 * A valid signature stays valid, so jsonwebtoken verifies each token only once; a second verification in every request would halve the throughput of
 * the bearer routes. Expiry is checked here each time, and revocation by the first verification, in every request.
 */
@Injectable()
export class SecondVerification {
  readonly #tokens: OwnTokenVerifier;
  readonly #clock: Clock;
  // Keyed by digest, so that no token stays in memory longer than its request.
  readonly #agreements: LRUCache<string, Agreement>;

  constructor(
    tokens: OwnTokenVerifier,
    clock: Clock,
    @Inject(CONFIG) { caches }: { readonly caches: Pick<CachesConfig, 'tenants'> },
  ) {
    this.#tokens = tokens;
    this.#clock = clock;
    this.#agreements = new LRUCache({ max: Math.max(MIN_AGREEMENTS, TOKENS_OF_A_TENANT * caches.tenants) });
  }

  /** @throws TesseraError unauthorized if the key no longer verifies, temporarily_unavailable if it is unavailable */
  keyOf(caller: VerifiedToken): Promise<VerificationKey> {
    return this.#tokens.keyOf(caller);
  }

  /**
   * Whether jsonwebtoken has accepted exactly this token with exactly this key before. A changed key ring has new key objects, so tokens are verified
   * again.
   *
   * @throws TesseraError unauthorized if the token has expired since, or is not the caller's
   */
  hasAgreed(token: string, key: VerificationKey, caller: VerifiedToken): boolean {
    const agreement = this.#agreements.get(digestOf(token));
    if (agreement?.key !== key) return false;
    if (agreement.issuer !== caller.issuer || agreement.tokenId !== caller.tokenId) throw otherClaims();
    this.#checkTimes(caller.claims);
    return true;
  }

  /**
   * Compares the claims that jsonwebtoken read with those of the first verification, and remembers that they agree.
   *
   * @throws TesseraError unauthorized if they do not agree
   */
  agree(token: string, key: VerificationKey, caller: VerifiedToken, payload: unknown): void {
    // Compared as text: both were parsed from the same bytes, so the members have the same order.
    if (JSON.stringify(payload) !== JSON.stringify(caller.claims)) throw otherClaims();
    this.#checkTimes(payload as Readonly<Record<string, unknown>>);
    const { issuer, tokenId } = caller;
    this.#agreements.set(digestOf(token), { key, issuer, tokenId });
  }

  /** jsonwebtoken would use the system clock; ours is injected. */
  #checkTimes({ exp, nbf }: Readonly<Record<string, unknown>>): void {
    const now = epochSeconds(this.#clock.nowMs());
    if (typeof exp !== 'number' || exp + CLOCK_SKEW_SECONDS <= now) throw rejected('has expired');
    if (nbf !== undefined && (typeof nbf !== 'number' || nbf - CLOCK_SKEW_SECONDS > now))
      throw rejected('is not valid yet');
  }
}

function digestOf(token: string): string {
  return hash('sha256', token, 'base64url');
}

function otherClaims(): TesseraError {
  return rejected('says something else to a second implementation');
}

function rejected(how: string): TesseraError {
  return new TesseraError('unauthorized', `bearer: the token ${how}`);
}
