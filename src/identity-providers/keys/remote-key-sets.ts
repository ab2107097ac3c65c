import { LRUCache } from 'lru-cache';
import type { KeySource } from './fetch-key-set.ts';
import type { ProviderKey } from './provider-key-set.ts';
import { type FoundKey, type KeyQuestion, RemoteKeySet, type RemoteKeySetOptions } from './remote-key-set.ts';

/** The least recently used issuer is dropped first, and fetched again when it is needed. */
export const MAX_ISSUERS = 1_000;

/** Caches the keys of trusted issuers. Tenants that trust the same issuer with the same key URL share them. */
export class RemoteKeySets {
  readonly #options: RemoteKeySetOptions;
  readonly #sets = new LRUCache<string, RemoteKeySet>({
    max: MAX_ISSUERS,
    dispose: (set) => {
      set.close();
    },
  });

  constructor(options: RemoteKeySetOptions) {
    this.#options = options;
  }

  /**
   * Call only for trusted issuers, because this may cause an outgoing connection.
   *
   * @throws TesseraError unauthorized, temporarily_unavailable
   */
  find(source: KeySource, question: KeyQuestion): Promise<FoundKey> {
    return this.#setOf(source).find(question);
  }

  /**
   * Call after the key that was found did not verify the signature.
   *
   * @returns another key of the issuer with the same kid, if there is one now
   */
  findAgain(source: KeySource, question: KeyQuestion, failed: ProviderKey): Promise<ProviderKey | undefined> {
    return this.#setOf(source).findAgain(question, failed);
  }

  /** Cancels planned searches. */
  onApplicationShutdown(): void {
    this.#sets.clear();
  }

  #setOf(source: KeySource): RemoteKeySet {
    // Trusted issuers of two tenants may have different key URLs, and one tenant's choice must not affect another. No URL contains a space.
    const name = `${source.issuer} ${source.jwksUri ?? ''}`;
    let set = this.#sets.get(name);
    if (set === undefined) {
      // A copy, so that this does not keep the tenant's snapshot in memory.
      set = new RemoteKeySet({ issuer: source.issuer, jwksUri: source.jwksUri }, this.#options);
      this.#sets.set(name, set);
    }
    return set;
  }
}
