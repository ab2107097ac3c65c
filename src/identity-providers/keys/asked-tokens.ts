import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

// Enough for whoever comes again within a cool-down. Who is forgotten is asked to wait once more, no worse.
const MAX_TOKENS = 256;

/** Tokens that named a key nobody knew, and how many fetches of keys had begun when each came first: a fetch after that answers for it. */
export class AskedTokens {
  readonly #askedAt = new LRUCache<string, number>({ max: MAX_TOKENS });

  /**
   * @param signed what the token's signature is over
   * @param fetch the newest fetch that has begun
   * @returns the newest that had begun when this token came first
   */
  remember(signed: string, fetch: number): number {
    const name = hash('sha256', signed, 'base64url');
    const first = this.#askedAt.get(name) ?? fetch;
    this.#askedAt.set(name, first);
    return first;
  }
}
