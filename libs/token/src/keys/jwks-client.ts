import { type Ages, LastGoodValue, type Reading } from '../runtime/last-good-value.ts';

/** A failure is a fixed phrase. */
export type FetchedKeys<S> = Reading<S, string>;

/** Limits the fetches for keys that the set lacks, because anyone can invent a kid. Times are of the monotonic clock. */
export interface SearchLimit {
  /** The earliest time of the account's next search. May be in the past. `isFailing`: the last fetch failed, so that its pause is a limit, too. */
  nextAtMs(account: string, isFailing: boolean): number;
  /** Called when a search has ended, with the time at which it began. */
  spend(account: string, beganAtMs: number, outcome: FetchedKeys<unknown>['kind']): void;
}

/** Each is required: a client without one of them would be unsafe for one of its users. */
export interface JwksClientOptions<S> {
  /** Fetches and parses the set, bounded in time and size. Decides what a 404 means: `gone` drops the keys. Never rejects. */
  readonly fetch: () => Promise<FetchedKeys<S>>;
  readonly nowMs: () => number;
  readonly ages: Ages;
  /** The pauses after failures double from a second up to this. */
  readonly longestPauseMs: number;
  readonly searches: SearchLimit;
}

const FIRST_PAUSE_MS = 1_000;

/**
 * The keys of one issuer, fetched from that issuer. The set in memory is used while the issuer does not answer. Pauses and the search limit bound how
 * often the issuer is asked, whatever kids the callers send.
 *
 * Its user looks up the key in `usable()` or in what a fetch brought: what a kid selects is the matter of the key set.
 */
export class JwksClient<S> extends LastGoodValue<S, string> {
  readonly #searches: SearchLimit;

  constructor({ fetch, nowMs, ages, longestPauseMs, searches }: JwksClientOptions<S>) {
    const pauseMs = (failuresBefore: number): number => Math.min(FIRST_PAUSE_MS * 2 ** failuresBefore, longestPauseMs);
    super({ read: fetch, nowMs, ages, pauseMs });
    this.#searches = searches;
  }

  /** The earliest time of the account's next search. */
  nextSearchAtMs(account: string): number {
    return Math.max(this.nextReadAtMs, this.#searches.nextAtMs(account, this.isFailing));
  }

  /** Fetches for a key that the set lacks. Undefined if a pause or the limit forbids it now. */
  search(account: string, nowMs: number): Promise<FetchedKeys<S>> | undefined {
    return nowMs < this.nextSearchAtMs(account) ? undefined : this.searchNow(account, nowMs);
  }

  /** As `search`, for one that the limit has already set a time for. */
  async searchNow(account: string, nowMs: number): Promise<FetchedKeys<S>> {
    const fetched = await this.read();
    this.#searches.spend(account, nowMs, fetched.kind);
    return fetched;
  }
}
