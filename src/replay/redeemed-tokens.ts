import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { type OneTimeProof, ReplayProtection } from './replay-protection.ts';
import { Log } from '../logging/log.ts';
import { Clock, epochSeconds } from '../domain/clock.ts';
import { ControlPlane } from '../control-plane/control-plane.ts';
import { reasonOfFailure } from '../database/database-failure.ts';

/** Rows outlive their use by this and no more; foreign tokens live for minutes to hours. */
const CLEANING_MS = 5 * 60_000;
/** A clock that ran ahead for a while and is put back must not find a used token forgotten and good again. */
const CLOCK_MARGIN_SECONDS = 86_400;
/** What ended within so many seconds goes in one statement: others wait for its locks. */
const CLEANING_STEP_SECONDS = 10;

// A plain INSERT: which of two comes first is decided by the primary key, for any number of processes.
const INSERT = 'INSERT INTO spent_tokens (tenant_id, issuer, token_id, until_seconds) VALUES (?, ?, ?, ?)';
const FIND = 'SELECT token_id FROM spent_tokens WHERE tenant_id = ? AND issuer = ? AND token_id = ?';
const OLDEST = 'SELECT MIN(until_seconds) AS until_seconds FROM spent_tokens';
const DELETE = 'DELETE FROM spent_tokens WHERE until_seconds <= ?';

/** Foreign tokens that have had their one token of ours, in the control database, until they are refused for their age. */
@Injectable()
export class RedeemedTokens extends ReplayProtection implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #controlPlane: ControlPlane;
  readonly #clock: Clock;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;

  constructor(controlPlane: ControlPlane, clock: Clock, log: Log) {
    super();
    this.#controlPlane = controlPlane;
    this.#clock = clock;
    this.#log = log;
  }

  override async spend(tenantId: string, { issuer, tokenId, until }: OneTimeProof): Promise<boolean> {
    try {
      await this.#controlPlane.query(INSERT, [tenantId, issuer, tokenId, until]);
      return true;
    } catch (error) {
      if (reasonOfFailure(error) !== 'constraint violated') throw error;
      // Another constraint than the key would be a fault of ours, and no verdict on the token.
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
  }

  /** Removes what is refused for its age by now. Never rejects: what could not be removed stays until the next time. */
  async clean(): Promise<void> {
    const now = epochSeconds(this.#clock.nowMs()) - CLOCK_MARGIN_SECONDS;
    try {
      for (;;) {
        const [oldest] = await this.#controlPlane.query(OLDEST);
        const until = oldest?.['until_seconds'];
        if (typeof until !== 'number' || until > now) return;
        await this.#controlPlane.query(DELETE, [Math.min(until + CLEANING_STEP_SECONDS, now)]);
      }
    } catch (error) {
      this.#log.warn('spent_tokens_not_cleaned', { reason: reasonOfFailure(error) ?? 'not available' });
    }
  }
}
