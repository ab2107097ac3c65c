import { LRUCache } from 'lru-cache';

/** At most one search per account in this time, however many unknown kids come. */
export const SEARCH_COOLDOWN_MS = 30_000;
/** Searches in the same time for all accounts together, so that an issuer of a thousand tenants is not asked a thousand times. */
export const SHARED_SEARCHES = 6;

// Far more than can search in one cooldown. A dropped account is still subject to the shared limit.
const MAX_ACCOUNTS = 1_000;

/**
 * Limits how often one issuer is asked for unknown keys. Each tenant that trusts the issuer has its own account: a caller with a valid bearer in one
 * tenant can use up that tenant's searches with invented kids, but no other tenant's.
 *
 * Times are of the monotonic clock.
 */
export class KeySearchBudget {
  readonly #nextOfAccount = new LRUCache<string, number>({ max: MAX_ACCOUNTS });
  /** Start times of the latest searches of all accounts, oldest first. */
  readonly #begun: number[] = [];

  /** The earliest time of the account's next search. May be in the past. */
  nextAt(account: string): number {
    const [oldest = -Infinity] = this.#begun;
    const shared = this.#begun.length < SHARED_SEARCHES ? -Infinity : oldest + SEARCH_COOLDOWN_MS;
    return Math.max(this.#nextOfAccount.get(account) ?? -Infinity, shared);
  }

  spend(account: string, now: number): void {
    this.#nextOfAccount.set(account, now + SEARCH_COOLDOWN_MS);
    this.#begun.push(now);
    if (this.#begun.length > SHARED_SEARCHES) this.#begun.shift();
  }
}
