import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { TesseraError, unavailable } from '../errors/tessera-error.ts';
import { within } from '../runtime/deadline.ts';
import { type AuditRecord, AuditStore, type RecordKey } from './audit-record.ts';
import { UnreleasedRecords } from './unreleased-records.ts';

/** A store that does not answer must not delay the end of the process. */
const CLOSE_WITHIN_MS = 1000;

interface Waiting {
  readonly record: AuditRecord;
  readonly resolve: () => void;
  readonly reject: (error: TesseraError) => void;
  /** Set if the token is not released. */
  unreleasedKey?: RecordKey | undefined;
}

/** @returns undefined for a record whose outcome is not `issued` */
function keyOf({ outcome, at, requestId, tokenId }: AuditRecord): RecordKey | undefined {
  return outcome === 'issued' ? { at, requestId, tokenId } : undefined;
}

/**
 * Writes records in groups: all records of one turn of the event loop go to the store in one call, whose result applies to all of them. One call runs
 * at a time, so a slow store leads to larger groups, not to more calls.
 */
@Injectable()
export class AuditTrail implements OnModuleDestroy {
  static readonly MAX_BATCH = 512;
  /** About a second of full load. Beyond that the store is down, not slow, and more memory would not help. */
  static readonly MAX_WAITING = 8192;

  readonly #store: AuditStore;
  #waiting: Waiting[] = [];
  /** The records that the store is writing now. */
  #group: readonly Waiting[] = [];
  #flushing: Promise<void> | undefined;
  readonly #unreleased: UnreleasedRecords;

  constructor(store: AuditStore) {
    this.#store = store;
    this.#unreleased = new UnreleasedRecords(store);
  }

  /**
   * Resolves when the record is durable.
   *
   * @throws TesseraError temporarily_unavailable if the store refuses or does not answer in time, or if too many records wait for it
   */
  append(record: AuditRecord): Promise<void> {
    if (this.#waiting.length >= AuditTrail.MAX_WAITING) {
      return Promise.reject(unavailable('audit', 'too many records wait'));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, resolve, reject });
      // nextTick, not setImmediate: it runs after all promise reactions of this turn, so the group has all records of the turn, and none waits for
      // another turn.
      if (this.#waiting.length === 1) process.nextTick(() => void this.#flush());
    });
  }

  /**
   * Withdraws a record that is not being written yet: its `append` rejects, and no row is written.
   *
   * @returns true if it is being written: then `append` gives the result
   */
  withdraw(record: AuditRecord): boolean {
    if (this.#group.some((writing) => writing.record === record)) return true;
    const place = this.#waiting.findIndex((waiting) => waiting.record === record);
    if (place !== -1)
      this.#waiting.splice(place, 1)[0]?.reject(unavailable('audit', 'the record was not written in time'));
    return false;
  }

  /** For a record that is being written but whose token is not released: the stored row must not say `issued`. */
  markUnreleased(record: AuditRecord): void {
    const writing = this.#group.find((waiting) => waiting.record === record);
    if (writing !== undefined) writing.unreleasedKey = keyOf(writing.record);
  }

  /** Resolves when all records appended so far have been written or refused. */
  async drain(): Promise<void> {
    while (this.#flushing !== undefined || this.#waiting.length > 0) {
      await (this.#flushing ?? this.#flush());
    }
    await this.#unreleased.close();
  }

  /**
   * Nest calls this before the stores are closed. Every token has its record by then; what is left are records of refusals and corrections, which a
   * store that answers takes at once.
   */
  async onModuleDestroy(): Promise<void> {
    await within(CLOSE_WITHIN_MS, this.drain(), () => undefined);
  }

  #flush(): Promise<void> {
    this.#flushing ??= this.#writeAll().finally(() => {
      this.#flushing = undefined;
      // Records that came since the last check did not start a flush, because one was running.
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
        this.#unreleased.add(group.map(({ unreleasedKey }) => unreleasedKey));
      } catch (error) {
        // A part of the group may have been written, or all of it if only the answer was lost. None of these tokens is released.
        this.#unreleased.add(group.map(({ record, unreleasedKey }) => unreleasedKey ?? keyOf(record)));
        // Records that came during the failed call fail too: they would only wait for the same timeout again, and their requests must also be
        // answered within 3 s.
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
