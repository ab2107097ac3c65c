import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { ControlPlaneAuditStore } from './control-plane-audit.store.ts';

/** How often it looks for work. */
const LOOK_MS = 250;
/** Pause between two steps, for requests. */
const STEP_MS = 20;
/** About 4 ms of work, so no request waits longer. */
const ROWS_PER_STEP = 100;
/** Below this rate, the work of indexing takes nothing from requests. */
const QUIET_PER_SECOND = 300;
/** As many as a minute of a server's full speed leaves. Above that, rows are indexed under load too, and cost tokens. */
const MAX_UNINDEXED = 500_000;
const BUSY_ROWS_PER_STEP = 250;

/**
 * SQLite: adds audit rows to the indices of their table in quiet moments. See docs/decisions/2026-11-27-audit-indices-on-sqlite.md. What is left when the
 * process ends is indexed by the next one.
 */
@Injectable()
export class AuditIndexing implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #store: ControlPlaneAuditStore;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isOver = false;
  #last = { appended: 0, atMs: 0 };
  /** The number of appended records at which nothing was left. Until another one comes, no statement runs. */
  #doneAt: number | undefined;

  constructor(store: ControlPlaneAuditStore) {
    this.#store = store;
  }

  onApplicationBootstrap(): void {
    this.#last = { appended: this.#store.appended, atMs: performance.now() };
    this.#schedule(LOOK_MS);
  }

  async onModuleDestroy(): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #schedule(inMs: number): void {
    if (this.#isOver) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#step().then((nextMs) => {
        this.#schedule(nextMs);
      });
    }, inMs).unref();
  }

  /** Never rejects. @returns when to look again */
  async #step(): Promise<number> {
    const perSecond = this.#rate();
    const { appended } = this.#last;
    if (appended === this.#doneAt) return LOOK_MS;
    try {
      const left = await this.#store.unindexedRows();
      if (left === 0) {
        this.#doneAt = appended;
        return LOOK_MS;
      }
      if (perSecond < QUIET_PER_SECOND) await this.#store.indexOldest(ROWS_PER_STEP);
      else if (left > MAX_UNINDEXED) await this.#store.indexOldest(BUSY_ROWS_PER_STEP);
      else return LOOK_MS;
      return STEP_MS;
    } catch {
      // The database does not answer, or another process writes. The rows can wait.
      return LOOK_MS;
    }
  }

  /** Records per second since the last call. */
  #rate(): number {
    const { appended } = this.#store;
    const atMs = performance.now();
    const rate = ((appended - this.#last.appended) / Math.max(1, atMs - this.#last.atMs)) * 1000;
    this.#last = { appended, atMs };
    return rate;
  }
}
