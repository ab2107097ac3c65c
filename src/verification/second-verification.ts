import { Injectable } from '@nestjs/common';
import type { VerificationKey, VerifiedToken } from '@tessera/token/core';
import { LRUCache } from 'lru-cache';
import { hash } from 'node:crypto';
import { Clock, CLOCK_SKEW_SECONDS, epochSeconds } from '../domain/clock.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { OwnTokenVerifier } from './own-tokens.ts';

// About 2 MiB. A token that was pushed out is verified twice at its next use, no more.
const MAX_AGREEMENTS = 10_000;

/** That jsonwebtoken has verified a token, and what it was about. */
interface Agreement {
  readonly key: VerificationKey;
  readonly issuer: string;
  readonly tokenId: string;
}

/**
 * What the strategies of the bearer routes share: the key that they hand to jsonwebtoken, and the memory of what jsonwebtoken has accepted.
 *
 * A signature holds for ever, so jsonwebtoken verifies each token once; a second verification at every request would halve what the bearer routes can
 * do. Expiry is checked here each time, and revocation by the first verification, which every request passes.
 */
@Injectable()
export class SecondVerification {
  readonly #tokens: OwnTokenVerifier;
  readonly #clock: Clock;
  // By digest: a token must not lie in memory longer than its request.
  readonly #agreements = new LRUCache<string, Agreement>({ max: MAX_AGREEMENTS });

  constructor(tokens: OwnTokenVerifier, clock: Clock) {
    this.#tokens = tokens;
    this.#clock = clock;
  }

  /** @throws TesseraError unauthorized when the key does not verify any more, temporarily_unavailable when it cannot be had */
  keyOf(caller: VerifiedToken): Promise<VerificationKey> {
    return this.#tokens.keyOf(caller);
  }

  /**
   * Whether jsonwebtoken accepted this very token with this very key before. A key ring that changed has new keys, so everything is verified again.
   *
   * @throws TesseraError unauthorized when the token has expired since, or is not the caller's
   */
  hasAgreed(token: string, key: VerificationKey, caller: VerifiedToken): boolean {
    const agreement = this.#agreements.get(digestOf(token));
    if (agreement?.key !== key) return false;
    if (agreement.issuer !== caller.issuer || agreement.tokenId !== caller.tokenId) throw otherClaims();
    this.#checkTimes(caller.claims);
    return true;
  }

  /**
   * Compares what jsonwebtoken read from the token with what the first verification did, and remembers that they agree.
   *
   * @throws TesseraError unauthorized when they do not
   */
  agree(token: string, key: VerificationKey, caller: VerifiedToken, payload: unknown): void {
    // By text: both were parsed from the same bytes, so that the order of the members is the same.
    if (JSON.stringify(payload) !== JSON.stringify(caller.claims)) throw otherClaims();
    this.#checkTimes(payload as Readonly<Record<string, unknown>>);
    const { issuer, tokenId } = caller;
    this.#agreements.set(digestOf(token), { key, issuer, tokenId });
  }

  /** jsonwebtoken would go by the system's clock; ours is injected. */
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
