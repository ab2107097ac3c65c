import type { AuditStore, RecordKey } from './audit-record.ts';

const REASON = 'audit: the record came too late for its token';
const RETRY_MS = 1000;
/**
 * Delays of further corrections after a successful one: an abandoned statement may wait in a stalled connection and be executed when it resumes. The
 * server's own limits on a statement are shorter.
 */
const AGAIN_MS = [2_000, 10_000] as const;
/** As many as the trail collects in a minute of an outage; the oldest are dropped first. */
const MOST = 100_000;

interface Unreleased {
  readonly key: RecordKey;
  /** How many corrections have succeeded. */
  rounds: number;
  dueAtMs: number;
}

/**
 * Records of tokens that were not released, whose write has an unknown result: a database that does not answer may still execute a statement. They
 * are corrected as soon as it answers, so that no row says `issued` for a refused request.
 */
export class UnreleasedRecords {
  readonly #store: AuditStore;
  #records: Unreleased[] = [];
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(store: AuditStore) {
    this.#store = store;
  }

  add(keys: readonly (RecordKey | undefined)[]): void {
    const now = performance.now();
    for (const key of keys) if (key !== undefined) this.#records.push({ key, rounds: 0, dueAtMs: now });
    if (this.#records.length > MOST) this.#records = this.#records.slice(-MOST);
    if (this.#records.length > 0) this.#schedule(0);
  }

  /** Corrects all remaining records once more at shutdown. */
  async close(): Promise<void> {
    await this.#running;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#records.length === 0) return;
    const keys = this.#records.splice(0).map(({ key }) => key);
    await this.#store.markUnreleased(keys, REASON).catch(() => undefined);
  }

  #schedule(inMs: number): void {
    if (this.#timer !== undefined || this.#running !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#correct().finally(() => {
        this.#running = undefined;
        if (this.#records.length > 0) this.#schedule(RETRY_MS);
      });
    }, inMs).unref();
  }

  async #correct(): Promise<void> {
    const now = performance.now();
    const due = this.#records.filter(({ dueAtMs }) => dueAtMs <= now);
    if (due.length === 0) return;
    try {
      await this.#store.markUnreleased(
        due.map(({ key }) => key),
        REASON,
      );
    } catch {
      return;
    }
    for (const record of due) {
      record.dueAtMs = performance.now() + (AGAIN_MS[record.rounds] ?? 0);
      record.rounds += 1;
    }
    this.#records = this.#records.filter(({ rounds }) => rounds <= AGAIN_MS.length);
  }
}
