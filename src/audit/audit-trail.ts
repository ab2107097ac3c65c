import { TesseraError, unavailable } from '../errors/tessera-error.ts';
import type { AuditRecord, AuditStore } from './audit-record.ts';

interface Waiting {
  readonly record: AuditRecord;
  readonly resolve: () => void;
  readonly reject: (error: TesseraError) => void;
}

/**
 * Records in groups: everything that one turn of the event loop produced goes to the store in one call, and whoever waits learns of
 * the common success. One call is in flight at a time, so a slow store makes the groups larger, not the calls more.
 */
export class AuditTrail {
  static readonly MAX_BATCH = 512;
  /** About a second of full load; past it the store is not slow but gone, and more memory would not bring it back. */
  static readonly MAX_WAITING = 8192;

  readonly #store: AuditStore;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;

  constructor(store: AuditStore) {
    this.#store = store;
  }

  /**
   * Resolves when the record is durable.
   *
   * @throws TesseraError temporarily_unavailable when the store refuses, does not answer in time, or too many wait for it
   */
  append(record: AuditRecord): Promise<void> {
    if (this.#waiting.length >= AuditTrail.MAX_WAITING) {
      return Promise.reject(unavailable('audit', 'too many records wait'));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, resolve, reject });
      // nextTick, not setImmediate: it runs when all promise reactions of this turn have, so the whole turn is in the group and nobody waits for another.
      if (this.#waiting.length === 1) process.nextTick(() => void this.#flush());
    });
  }

  /** Resolves when everything appended so far has been written or refused. */
  async drain(): Promise<void> {
    while (this.#flushing !== undefined || this.#waiting.length > 0) {
      await (this.#flushing ?? this.#flush());
    }
  }

  /** Nest's hook, which comes before the stores are closed. */
  onModuleDestroy(): Promise<void> {
    return this.drain();
  }

  #flush(): Promise<void> {
    this.#flushing ??= this.#writeAll().finally(() => {
      this.#flushing = undefined;
      // What came between the last look and this line was told that a flush is under way.
      if (this.#waiting.length > 0) void this.#flush();
    });
    return this.#flushing;
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, AuditTrail.MAX_BATCH);
      try {
        await this.#store.append(group.map((waiting) => waiting.record));
      } catch (error) {
        // Those who came during the failed call would only wait for the same time-out again: the answer within 3 s is theirs too.
        const failed = [...group, ...this.#waiting.splice(0)];
        const refusal =
          error instanceof TesseraError ? error : unavailable('audit', 'the record was not written', error);
        for (const waiting of failed) waiting.reject(refusal);
        continue;
      }
      for (const waiting of group) waiting.resolve();
    }
  }
}
