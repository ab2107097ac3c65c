import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

// Enough for the callers that return within a cooldown. A dropped token only has to wait once more.
const MAX_TOKENS = 256;

/** Remembers tokens that named an unknown key, with the number of the newest fetch when each first came. Only a later fetch can show the key. */
export class UnknownKeyTokens {
  /** Made when it is needed: it reserves its places, and most issuers see no such token. */
  #askedAt: LRUCache<string, number> | undefined;

  /**
   * @param signed the signed part of the token
   * @param fetch the number of the newest fetch
   * @returns the number of the newest fetch when this token first came
   */
  remember(signed: string, fetch: number): number {
    const name = hash('sha256', signed, 'base64url');
    this.#askedAt ??= new LRUCache({ max: MAX_TOKENS });
    const first = this.#askedAt.get(name) ?? fetch;
    this.#askedAt.set(name, first);
    return first;
  }
}
