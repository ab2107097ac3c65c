import { LRUCache } from 'lru-cache';
import type { KeySource } from './fetch-key-set.ts';
import type { ForeignAlgorithm } from './foreign-algorithm.ts';
import type { ForeignKey } from './foreign-key-set.ts';
import { RemoteKeySet, type RemoteKeySetOptions } from './remote-key-set.ts';

/** The least recently used issuer goes first, and is fetched again when it is asked for. */
export const MAX_ISSUERS = 1_000;

/** The keys of foreign issuers, in memory. Tenants that trust one issuer and take its keys from one place share them. */
export class RemoteKeySets {
  readonly #options: RemoteKeySetOptions;
  readonly #sets = new LRUCache<string, RemoteKeySet>({ max: MAX_ISSUERS });

  constructor(options: RemoteKeySetOptions) {
    this.#options = options;
  }

  /**
   * Called for trusted issuers only: this is what may cause an outgoing connection.
   *
   * @throws TesseraError unauthorized, temporarily_unavailable
   */
  find(source: KeySource, algorithm: ForeignAlgorithm, kid: string | undefined): Promise<ForeignKey> {
    // Two trusts may disagree about where an issuer's keys are: one tenant's choice must not become another's. No URL has a space.
    const name = `${source.issuer} ${source.jwksUri ?? ''}`;
    let set = this.#sets.get(name);
    if (set === undefined) {
      // A copy: the trust belongs to a tenant's snapshot, which must not live as long as this.
      set = new RemoteKeySet({ issuer: source.issuer, jwksUri: source.jwksUri }, this.#options);
      this.#sets.set(name, set);
    }
    return set.find(algorithm, kid);
  }
}
