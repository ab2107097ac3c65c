import { setImmediate as nextTurn } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { CONFIG, type CachesConfig } from '../config/config.ts';
import { Log } from '../logging/log.ts';
import type { TenantId } from '../domain/ids.ts';
import { ControlPlane } from '../control-plane/control-plane.ts';
import { reasonOfFailure } from '../database/database-failure.ts';
import { TenantRepository } from './tenant.repository.ts';

/** About a millisecond. */
const AT_ONCE = 100;

/**
 * Polls the control plane for changed tenants, so that changes by `apply`, the CLI or another replica take effect within one round. While the control
 * database is away, no change is noticed, and snapshots expire by their maximum age.
 */
@Injectable()
export class ChangePoller implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #controlPlane: ControlPlane;
  readonly #tenants: TenantRepository;
  readonly #log: Log;
  readonly #intervalMs: number;
  /** Undefined until the first answer: data cached before that may be of any age. */
  #sequence: number | undefined;
  #failing = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    controlPlane: ControlPlane,
    tenants: TenantRepository,
    log: Log,
    @Inject(CONFIG) { caches }: { readonly caches: Pick<CachesConfig, 'changePollMs'> },
  ) {
    this.#controlPlane = controlPlane;
    this.#tenants = tenants;
    this.#log = log;
    this.#intervalMs = caches.changePollMs;
  }

  onApplicationBootstrap(): void {
    this.#schedule();
  }

  onModuleDestroy(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Runs one round. Never rejects. */
  async poll(): Promise<void> {
    try {
      await this.#follow();
      if (this.#failing) this.#log.info('change_follower_recovered');
      this.#failing = false;
    } catch (error) {
      if (!this.#failing)
        this.#log.warn('change_follower_failing', { reason: reasonOfFailure(error) ?? 'not available' });
      this.#failing = true;
    }
  }

  async #follow(): Promise<void> {
    const [current] = await this.#controlPlane.query('SELECT value FROM change_sequence WHERE id = 1');
    const value = Number(current?.['value'] ?? 0);
    // After a restore of the database, the sequence is lower. Cached data may then be of any state, and new changes may reuse numbers that were seen
    // before.
    if (this.#sequence === undefined || value < this.#sequence) {
      this.#sequence = value;
      this.#tenants.invalidate();
      return;
    }
    if (value === this.#sequence) return;
    const rows = await this.#controlPlane.query('SELECT id, version FROM tenants WHERE version > ? ORDER BY version', [
      this.#sequence,
    ]);
    for (const [index, row] of rows.entries()) {
      // After a change of all of ten thousand tenants, requests must not wait for the last one.
      if (index > 0 && index % AT_ONCE === 0) await nextTurn();
      this.#tenants.invalidate(row['id'] as TenantId);
      this.#sequence = Number(row['version']);
    }
    // A number may belong to no tenant, because the tenant has changed again or was removed.
    this.#sequence = Math.max(this.#sequence, value);
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      void this.poll().then(() => {
        this.#schedule();
      });
    }, this.#intervalMs);
    this.#timer.unref();
  }
}
