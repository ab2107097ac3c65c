import type { SearchLimit } from '@tessera/token/core';
import { LRUCache } from 'lru-cache';

/** At most one search per account in this time, however many unknown kids come. */
export const SEARCH_COOLDOWN_MS = 30_000;
/** Searches in the same time for all accounts together, so that an issuer of a thousand tenants is not asked a thousand times. */
export const SHARED_SEARCHES = 6;

/** Ends the names of accounts that anyone may use, without having authenticated. They have searches of their own together. */
export const BY_ANYONE = ' by anyone';

// Far more than can search in one cooldown. A dropped account is still subject to the shared limit.
const MAX_ACCOUNTS = 1_000;

/**
 * Limits how often one issuer is asked for unknown keys. Each tenant that trusts the issuer has its own account: a caller with a valid bearer in one
 * tenant can use up that tenant's searches with invented kids, but no other tenant's.
 *
 * Times are of the monotonic clock.
 */
export class KeySearchBudget implements SearchLimit {
  /** Made when it is needed: it reserves its places, and there may be thousands of issuers without a search. */
  #nextOfAccount: LRUCache<string, number> | undefined;
  /** Start times of the latest searches, oldest first: of all accounts that need a valid bearer or secret, and of all others. */
  readonly #begun = { byCallers: [] as number[], byAnyone: [] as number[] };

  nextAtMs(account: string, isFailing: boolean): number {
    // While fetches fail, their pauses limit the requests, so that the issuer's return is noticed soon.
    if (isFailing) return -Infinity;
    const begun = this.#begunOf(account);
    const [oldest = -Infinity] = begun;
    const shared = begun.length < SHARED_SEARCHES ? -Infinity : oldest + SEARCH_COOLDOWN_MS;
    return Math.max(this.#nextOfAccount?.get(account) ?? -Infinity, shared);
  }

  spend(account: string, beganAtMs: number): void {
    this.#nextOfAccount ??= new LRUCache({ max: MAX_ACCOUNTS });
    this.#nextOfAccount.set(account, beganAtMs + SEARCH_COOLDOWN_MS);
    const begun = this.#begunOf(account);
    begun.push(beganAtMs);
    if (begun.length > SHARED_SEARCHES) begun.shift();
  }

  #begunOf(account: string): number[] {
    return account.endsWith(BY_ANYONE) ? this.#begun.byAnyone : this.#begun.byCallers;
  }
}
