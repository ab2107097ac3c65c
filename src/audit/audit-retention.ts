import type { AuditConfig } from '../config/config.ts';
import type { Log } from '../logging/log.ts';
import type { Clock } from '../domain/clock.ts';
import type { ControlPlaneAuditStore } from './control-plane-audit.store.ts';
import { reasonOfFailure } from '../database/database-failure.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Removes audit records that are past their retention, once an hour. */
export class AuditRetention {
  readonly #store: ControlPlaneAuditStore;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #retentionDays: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(store: ControlPlaneAuditStore, clock: Clock, log: Log, audit: AuditConfig) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#retentionDays = audit.retentionDays;
  }

  start(): void {
    if (this.#retentionDays === 0) return;
    this.#timer = setInterval(() => void this.run(), HOUR_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Never rejects: what could not be removed now is removed in an hour. */
  async run(): Promise<void> {
    try {
      await this.#store.purge(this.#clock.nowMs() - this.#retentionDays * DAY_MS);
    } catch (error) {
      this.#log.warn('audit_retention_failed', { reason: reasonOfFailure(error) ?? 'not available' });
    }
  }
}
