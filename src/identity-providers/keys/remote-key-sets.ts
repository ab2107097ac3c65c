import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { CONFIG, type CachesConfig } from '../../config/config.ts';
import { Clock } from '../../domain/clock.ts';
import { Log } from '../../logging/log.ts';
import { Egress } from '../egress/egress.ts';
import { KEYS_DEADLINE_MS, type KeySource } from './fetch-key-set.ts';
import type { ProviderKey } from './provider-key-set.ts';
import { type FoundKey, type KeyQuestion, RemoteKeySet } from './remote-key-set.ts';

/** At least so many issuers are kept, and one for each tenant that is kept. The least recently used one is dropped first, and fetched again when it is needed. */
export const MIN_ISSUERS = 1_000;

/** Caches the keys of trusted issuers. Tenants that trust the same issuer with the same key URL share them. */
@Injectable()
export class RemoteKeySets {
  /** For discovery and keys together. Only tests change it. */
  protected readonly deadlineMs: number = KEYS_DEADLINE_MS;
  readonly #egress: Egress;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #sets: LRUCache<string, RemoteKeySet>;

  constructor(
    egress: Egress,
    clock: Clock,
    log: Log,
    @Inject(CONFIG) { caches }: { readonly caches: Pick<CachesConfig, 'tenants'> },
  ) {
    this.#egress = egress;
    this.#clock = clock;
    this.#log = log;
    this.#sets = new LRUCache({
      max: Math.max(MIN_ISSUERS, caches.tenants),
      dispose: (set) => {
        set.close();
      },
    });
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
    // Trusted issuers of two tenants may differ in these, and one tenant's choice must not affect another.
    const { issuer, jwksUri, keyUse } = source;
    const name = JSON.stringify([issuer, jwksUri, keyUse]);
    let set = this.#sets.get(name);
    if (set === undefined) {
      // A copy, so that this does not keep the tenant's snapshot in memory.
      const own = { issuer, jwksUri, keyUse };
      const parts = { egress: this.#egress, clock: this.#clock, log: this.#log, deadlineMs: this.deadlineMs };
      set = new RemoteKeySet(own, parts);
      this.#sets.set(name, set);
    }
    return set;
  }
}
