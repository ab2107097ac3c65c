import { TesseraError } from '../errors/tessera-error.ts';
import type { Log } from '../log/log.ts';
import type { Clock } from '../vocabulary/clock.ts';
import type { Egress } from './egress.ts';
import { fetchKeySet, type KeySource } from './fetch-key-set.ts';
import type { ForeignAlgorithm } from './foreign-algorithm.ts';
import { findForeignKey, type ForeignKey, type ForeignKeySet } from './foreign-key-set.ts';

export interface RemoteKeySetOptions {
  readonly egress: Egress;
  readonly clock: Clock;
  readonly log: Log;
  /** For discovery and keys together. A request waits no longer than this. */
  readonly deadlineMs: number;
}

/** From this age on a set is fetched again behind the caller's back. */
export const REFRESH_AFTER_MS = 5 * 60_000;
/** A key that its issuer has withdrawn is believed no longer than this, unless the issuer does not answer. */
export const MAX_AGE_MS = 10 * 60_000;
/** How long the last good set serves while the issuer does not answer. */
export const STALE_MS = 60 * 60_000;
/** At most one fetch in this time for kids that are not in the set, whoever invents them. */
export const SEARCH_COOLDOWN_MS = 30_000;
/** Where the keys are changes far less often than the keys; a fetch that fails asks again anyway. */
export const DISCOVERY_AGE_MS = 60 * 60_000;
const FIRST_PAUSE_MS = 1_000;
// With the fetch itself within the promise that requests succeed 5 s after the issuer is back.
const LONGEST_PAUSE_MS = 4_000;

/** One issuer's keys. No caller can make it ask the issuer more often than the pauses here allow. */
export class RemoteKeySet {
  readonly #source: KeySource;
  readonly #options: RemoteKeySetOptions;

  #set: ForeignKeySet | undefined;
  /** When the fetch of the set began, by the monotonic clock like all times here. */
  #loadedAt = -Infinity;
  #discovered: { readonly jwksUri: string; readonly at: number } | undefined;
  #inFlight: Promise<void> | undefined;
  #failures = 0;
  #nextTryAt = -Infinity;
  #nextSearchAt = -Infinity;
  #failure = '';
  #loggedSkips = '';

  constructor(source: KeySource, options: RemoteKeySetOptions) {
    this.#source = source;
    this.#options = options;
  }

  /**
   * @throws TesseraError unauthorized when the issuer has no such key; temporarily_unavailable when nothing can be said because the issuer does
   *   not answer
   */
  async find(algorithm: ForeignAlgorithm, kid: string | undefined): Promise<ForeignKey> {
    const loadedBefore = this.#loadedAt;
    const set = await this.#current();
    const key = findForeignKey(set, algorithm, kid);
    if (key !== undefined) return key;
    const mayBeNew = kid !== undefined && !set.keys.some((known) => known.kid === kid);
    // A set that came after the token needs no second look.
    if (!mayBeNew || this.#loadedAt !== loadedBefore) throw noSuchKey();
    await this.#search();
    const found = this.#set && findForeignKey(this.#set, algorithm, kid);
    if (found === undefined) throw noSuchKey();
    return found;
  }

  /** The set, if need be after a fetch. While the issuer is down only the first caller of each pause asks it, and nobody who has a set waits. */
  async #current(): Promise<ForeignKeySet> {
    const set = this.#set;
    const age = this.#now() - this.#loadedAt;
    if (set !== undefined && age <= REFRESH_AFTER_MS) return set;
    if (set !== undefined && (age <= MAX_AGE_MS || (this.#failures > 0 && age <= STALE_MS))) {
      if (!this.#isPausing()) void this.#load();
      return set;
    }
    if (this.#inFlight === undefined && this.#isPausing()) throw this.#unavailable();
    await this.#load();
    if (this.#set === undefined || this.#now() - this.#loadedAt > STALE_MS) throw this.#unavailable();
    return this.#set;
  }

  /** A kid that the set does not have: perhaps a new key, perhaps an invention. */
  async #search(): Promise<void> {
    const now = this.#now();
    if (this.#inFlight !== undefined) {
      await this.#inFlight;
    } else if (now >= this.#nextSearchAt && !this.#isPausing()) {
      this.#nextSearchAt = now + SEARCH_COOLDOWN_MS;
      await this.#load();
    }
    // The set in memory is from before the outage: whether the key is new cannot be known.
    if (this.#failures > 0) throw this.#unavailable();
  }

  /** One fetch in flight, for whoever asks. Never rejects. */
  #load(): Promise<void> {
    this.#inFlight ??= this.#fetch().finally(() => {
      this.#inFlight = undefined;
    });
    return this.#inFlight;
  }

  async #fetch(): Promise<void> {
    const { egress, deadlineMs } = this.#options;
    const startedAt = this.#now();
    const known = this.#discovered;
    const isKnown = known !== undefined && startedAt - known.at <= DISCOVERY_AGE_MS;
    const jwksUri = this.#source.jwksUri ?? (isKnown ? known.jwksUri : undefined);
    const fetched = await fetchKeySet(egress, { ...this.#source, jwksUri }, AbortSignal.timeout(deadlineMs));
    if (fetched.set === undefined) {
      this.#discovered = undefined;
      this.#failed(fetched.refusal);
      return;
    }
    if (jwksUri === undefined) this.#discovered = { jwksUri: fetched.jwksUri, at: startedAt };
    this.#loaded(fetched.set, startedAt);
  }

  #failed(reason: string): void {
    this.#nextTryAt = this.#now() + Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    if (this.#failures === 0 || this.#failure !== reason)
      this.#options.log.warn('identity_provider_keys_unavailable', { issuer: this.#source.issuer, reason });
    this.#failures += 1;
    this.#failure = reason;
  }

  #loaded(set: ForeignKeySet, startedAt: number): void {
    const { log } = this.#options;
    const { issuer } = this.#source;
    if (this.#failures > 0) log.info('identity_provider_keys_recovered', { issuer });
    const skips = set.skipped.join('; ');
    if (skips !== '' && skips !== this.#loggedSkips)
      log.warn('identity_provider_keys_skipped', { issuer, reason: skips });
    this.#loggedSkips = skips;
    this.#set = set;
    this.#loadedAt = startedAt;
    this.#failures = 0;
    this.#nextTryAt = -Infinity;
  }

  #isPausing(): boolean {
    return this.#now() < this.#nextTryAt;
  }

  #now(): number {
    return this.#options.clock.monotonicMs();
  }

  #unavailable(): TesseraError {
    const pauseSeconds = Math.ceil((this.#nextTryAt - this.#now()) / 1_000);
    return new TesseraError('temporarily_unavailable', `identity provider: ${this.#failure}`, {
      // 0 would invite everybody at once.
      retryAfterSeconds: Math.max(1, pauseSeconds),
    });
  }
}

function noSuchKey(): TesseraError {
  return new TesseraError('unauthorized', 'the issuer has no usable key of this kid and algorithm');
}
