import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { CONFIG, type AuditConfig } from '../config/config.ts';
import { Log } from '../logging/log.ts';
import { Clock } from '../domain/clock.ts';
import { ControlPlaneAuditStore } from './control-plane-audit.store.ts';
import { reasonOfFailure } from '../database/database-failure.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Removes expired audit records once an hour. */
@Injectable()
export class AuditRetention implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #store: ControlPlaneAuditStore;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #retentionDays: number;
  readonly #ending = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    store: ControlPlaneAuditStore,
    clock: Clock,
    log: Log,
    @Inject(CONFIG) { audit }: { readonly audit: AuditConfig },
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#retentionDays = audit.retentionDays;
  }

  onApplicationBootstrap(): void {
    if (this.#retentionDays === 0) return;
    this.#timer = setInterval(() => void this.run(), HOUR_MS);
    this.#timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
    this.#ending.abort();
  }

  /** Never rejects: what could not be removed now is removed an hour later. */
  async run(): Promise<void> {
    try {
      await this.#store.purge(this.#clock.nowMs() - this.#retentionDays * DAY_MS, this.#ending.signal);
    } catch (error) {
      this.#log.warn('audit_retention_failed', { reason: reasonOfFailure(error) ?? 'not available' });
    }
  }
}
