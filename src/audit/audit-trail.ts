import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { TesseraError, unavailable } from '../errors/tessera-error.ts';
import { type AuditRecord, AuditStore, type RecordKey } from './audit-record.ts';
import { DisownedRecords } from './disowned-records.ts';

interface Waiting {
  readonly record: AuditRecord;
  readonly resolve: () => void;
  readonly reject: (error: TesseraError) => void;
  /** Its token does not leave. */
  disownedAs?: RecordKey | undefined;
}

/** @returns undefined for a record that does not say that a token was issued */
function keyOf({ outcome, at, requestId, tokenId }: AuditRecord): RecordKey | undefined {
  return outcome === 'issued' ? { at, requestId, tokenId } : undefined;
}

/**
 * Records in groups: everything that one turn of the event loop produced goes to the store in one call, and whoever waits learns of
 * the common success. One call is in flight at a time, so a slow store makes the groups larger, not the calls more.
 */
@Injectable()
export class AuditTrail implements OnModuleDestroy {
  static readonly MAX_BATCH = 512;
  /** About a second of full load; past it the store is not slow but gone, and more memory would not bring it back. */
  static readonly MAX_WAITING = 8192;

  readonly #store: AuditStore;
  #waiting: Waiting[] = [];
  /** What the store is writing now. */
  #group: readonly Waiting[] = [];
  #flushing: Promise<void> | undefined;
  readonly #disowned: DisownedRecords;

  constructor(store: AuditStore) {
    this.#store = store;
    this.#disowned = new DisownedRecords(store);
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

  /**
   * Takes back a record that is not being written yet: its `append` is refused, and no row comes of it.
   *
   * @returns true when it is being written: `append` tells what becomes of it
   */
  withdraw(record: AuditRecord): boolean {
    if (this.#group.some((writing) => writing.record === record)) return true;
    const place = this.#waiting.findIndex((waiting) => waiting.record === record);
    if (place !== -1)
      this.#waiting.splice(place, 1)[0]?.reject(unavailable('audit', 'the record was not written in time'));
    return false;
  }

  /** For a record that is being written, and whose token does not leave: whatever becomes of it, it shall not say `issued`. */
  disown(record: AuditRecord): void {
    const writing = this.#group.find((waiting) => waiting.record === record);
    if (writing !== undefined) writing.disownedAs = keyOf(writing.record);
  }

  /** Resolves when everything appended so far has been written or refused. */
  async drain(): Promise<void> {
    while (this.#flushing !== undefined || this.#waiting.length > 0) {
      await (this.#flushing ?? this.#flush());
    }
    await this.#disowned.close();
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
      this.#group = group;
      try {
        await this.#store.append(group.map((waiting) => waiting.record));
        this.#disowned.add(group.map(({ disownedAs }) => disownedAs));
      } catch (error) {
        // Part of the group may have been written, or all of it behind a lost answer; nobody gets a token for it.
        this.#disowned.add(group.map(({ record, disownedAs }) => disownedAs ?? keyOf(record)));
        // Those who came during the failed call would only wait for the same time-out again: the answer within 3 s is theirs too.
        const failed = [...group, ...this.#waiting.splice(0)];
        const refusal =
          error instanceof TesseraError ? error : unavailable('audit', 'the record was not written', error);
        for (const waiting of failed) waiting.reject(refusal);
        continue;
      } finally {
        this.#group = [];
      }
      for (const waiting of group) waiting.resolve();
    }
  }
}
