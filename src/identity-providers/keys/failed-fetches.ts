import type { Log } from '../../logging/log.ts';
import type { Clock } from '../../domain/clock.ts';

const FIRST_PAUSE_MS = 1_000;
// Together with the fetch, requests succeed within the promised 5 s after the issuer is back.
const LONGEST_PAUSE_MS = 4_000;

/** The failed fetches of an issuer's keys since the last successful one, and the pause after each. */
export class FailedFetches {
  readonly #issuer: string;
  readonly #log: Log;
  readonly #clock: Clock;
  #count = 0;
  #reason = '';
  #nextTryAt = -Infinity;

  constructor(issuer: string, log: Log, clock: Clock) {
    this.#issuer = issuer;
    this.#log = log;
    this.#clock = clock;
  }

  /** Whether the last fetch failed. */
  get any(): boolean {
    return this.#count > 0;
  }

  /** The reason of the last failure, as a fixed phrase. */
  get reason(): string {
    return this.#reason;
  }

  /** By the monotonic clock. */
  get nextTryAt(): number {
    return this.#nextTryAt;
  }

  get isPausing(): boolean {
    return this.#clock.monotonicMs() < this.#nextTryAt;
  }

  /** Logs the first failure, and each one whose reason differs from the one before. */
  add(reason: string): void {
    this.#nextTryAt = this.#clock.monotonicMs() + Math.min(FIRST_PAUSE_MS * 2 ** this.#count, LONGEST_PAUSE_MS);
    if (this.#count === 0 || this.#reason !== reason)
      this.#log.warn('identity_provider_keys_unavailable', { issuer: this.#issuer, reason });
    this.#count += 1;
    this.#reason = reason;
  }

  /** Call when a fetch has succeeded. */
  end(): void {
    if (this.any) this.#log.info('identity_provider_keys_recovered', { issuer: this.#issuer });
    this.#count = 0;
    this.#nextTryAt = -Infinity;
  }
}
