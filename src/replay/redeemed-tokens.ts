import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { type OneTimeProof, ReplayProtection } from './replay-protection.ts';
import { Log } from '../logging/log.ts';
import { Clock, epochSeconds } from '../domain/clock.ts';
import { ControlPlane } from '../control-plane/control-plane.ts';
import type { Database } from '../database/database.ts';
import { reasonOfFailure } from '../database/database-failure.ts';
import { limitedDelete } from '../database/limited-delete.ts';
import { inSteps } from '../runtime/in-steps.ts';

/** Rows are kept at most this long after they expire. Subject tokens live for minutes to hours. */
const CLEANING_MS = 5 * 60_000;
/** If a clock that ran ahead is set back, no redeemed token must have been dropped, because it would be accepted again. */
const CLOCK_MARGIN_SECONDS = 86_400;

// A plain INSERT: the primary key decides which of two concurrent writers is first, across all processes.
const INSERT = 'INSERT INTO spent_tokens (tenant_id, issuer, token_id, until_seconds) VALUES (?, ?, ?, ?)';
const FIND = 'SELECT token_id FROM spent_tokens WHERE tenant_id = ? AND issuer = ? AND token_id = ?';
const OLDEST = 'SELECT MIN(until_seconds) AS until_seconds FROM spent_tokens';
/** A minute of exchanges at full speed may end in the same second. In steps of 20 ms, more are removed than a server can redeem. */
const ROWS_PER_DELETE = 100;
const DELETE = (kind: Database['kind']): string =>
  limitedDelete(kind, 'spent_tokens', 'until_seconds <= ?', 'until_seconds', ROWS_PER_DELETE);

/** Subject tokens that were exchanged, stored in the control database until they are refused for their age. */
@Injectable()
export class RedeemedTokens extends ReplayProtection implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #controlPlane: ControlPlane;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #ending = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(controlPlane: ControlPlane, clock: Clock, log: Log) {
    super();
    this.#controlPlane = controlPlane;
    this.#clock = clock;
    this.#log = log;
  }

  override async redeem(tenantId: string, { issuer, tokenId, until }: OneTimeProof): Promise<boolean> {
    try {
      await this.#controlPlane.query(INSERT, [tenantId, issuer, tokenId, until]);
      return true;
    } catch (error) {
      if (reasonOfFailure(error) !== 'constraint violated') throw error;
      // A violation of another constraint would be a bug, not a replay.
      const rows = await this.#controlPlane.query(FIND, [tenantId, issuer, tokenId]);
      if (rows.length === 0) throw error;
      return false;
    }
  }

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.clean(), CLEANING_MS);
    this.#timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
    this.#ending.abort();
  }

  /** Removes tokens that are refused for their age by now. Never rejects: what could not be removed stays until the next time. */
  async clean(): Promise<void> {
    const now = epochSeconds(this.#clock.nowMs()) - CLOCK_MARGIN_SECONDS;
    try {
      const remove = DELETE((await this.#controlPlane.database()).kind);
      await inSteps(this.#ending.signal, async () => {
        const [oldest] = await this.#controlPlane.query(OLDEST);
        const until = oldest?.['until_seconds'];
        if (typeof until !== 'number' || until > now) return false;
        await this.#controlPlane.query(remove, [now]);
        return true;
      });
    } catch (error) {
      this.#log.warn('spent_tokens_not_cleaned', { reason: reasonOfFailure(error) ?? 'not available' });
    }
  }
}
