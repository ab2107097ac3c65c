import { LRUCache } from 'lru-cache';
import type { KeySource } from './fetch-key-set.ts';
import type { ForeignKey } from './provider-key-set.ts';
import { type FoundKey, type KeyQuestion, RemoteKeySet, type RemoteKeySetOptions } from './remote-key-set.ts';

/** The least recently used issuer goes first, and is fetched again when it is asked for. */
export const MAX_ISSUERS = 1_000;

/** The keys of foreign issuers, in memory. Tenants that trust one issuer and take its keys from one place share them. */
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
   * Called for trusted issuers only: this is what may cause an outgoing connection.
   *
   * @throws TesseraError unauthorized, temporarily_unavailable
   */
  find(source: KeySource, question: KeyQuestion): Promise<FoundKey> {
    return this.#setOf(source).find(question);
  }

  /**
   * After the key that was found did not confirm the signature.
   *
   * @returns another key that the issuer has under this name by now
   */
  findAgain(source: KeySource, question: KeyQuestion, failed: ForeignKey): Promise<ForeignKey | undefined> {
    return this.#setOf(source).findAgain(question, failed);
  }

  /** Ends what is planned. */
  onApplicationShutdown(): void {
    this.#sets.clear();
  }

  #setOf(source: KeySource): RemoteKeySet {
    // Two trusts may disagree about where an issuer's keys are: one tenant's choice must not become another's. No URL has a space.
    const name = `${source.issuer} ${source.jwksUri ?? ''}`;
    let set = this.#sets.get(name);
    if (set === undefined) {
      // A copy: the trust belongs to a tenant's snapshot, which must not live as long as this.
      set = new RemoteKeySet({ issuer: source.issuer, jwksUri: source.jwksUri }, this.#options);
      this.#sets.set(name, set);
    }
    return set;
  }
}
