import { LRUCache } from 'lru-cache';

/** At most one search in this time on one account, however many unknown kids come. */
export const SEARCH_COOLDOWN_MS = 30_000;
/** In the same time on all accounts together: an issuer that a thousand tenants trust is not asked a thousand times. */
export const SHARED_SEARCHES = 6;

// Far more than can search in one cool-down; who is forgotten is still bound by the shared limit.
const MAX_ACCOUNTS = 1_000;

/**
 * How often one issuer may be asked for keys that are not known. Each tenant that trusts the issuer has an account of its own: whoever has a good bearer in one
 * tenant can use up that tenant's searches with made-up kids, and nobody else's.
 *
 * Times are of the monotonic clock.
 */
export class KeySearchBudget {
  readonly #nextOfAccount = new LRUCache<string, number>({ max: MAX_ACCOUNTS });
  /** When the latest searches began, on whatever account, the oldest first. */
  readonly #begun: number[] = [];

  /** The earliest time for a search on this account. It may be in the past. */
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
