import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Log } from '../logging/log.ts';
import type { ClientId, ProjectId, TenantId } from '../domain/ids.ts';
import { reasonOfFailure } from '../database/database-failure.ts';
import { within } from '../runtime/deadline.ts';
import { SecretUseEntity } from '../control-plane/entities/secret-use.entity.ts';

const FLUSH_MS = 10_000;
/** Above this number, new secrets are not noted until the next flush, so that memory stays bounded while the control database is away. */
const MAX_PENDING = 100_000;
/** About 2 ms on SQLite, where a statement keeps the event loop. */
const ROWS_PER_STATEMENT = 200;

/** A shutdown does not wait longer for a database that does not answer. */
const CLOSE_WITHIN_MS = 500;

export interface SecretUse {
  readonly secretId: string;
  readonly lastUsedAtMs: number;
}

/**
 * Records when each client secret was last used, so that an operator sees when an old one can be retired. Noted in memory on the hot path, and
 * written in the background every 10 s and at shutdown. After a crash, the last seconds are missing, which does not matter for this purpose.
 */
@Injectable()
export class SecretUses implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #uses: Repository<SecretUseEntity>;
  readonly #log: Log;
  #pending = new Map<string, number>();
  #flushing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(@InjectRepository(SecretUseEntity) uses: Repository<SecretUseEntity>, log: Log) {
    this.#uses = uses;
    this.#log = log;
  }

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.flush(), FLUSH_MS);
    this.#timer.unref();
  }

  record(tenantId: TenantId, projectId: ProjectId, clientId: ClientId, secretId: string, nowMs: number): void {
    // No id contains a space, so the key is unambiguous.
    const key = `${tenantId} ${projectId} ${clientId} ${secretId}`;
    if (this.#pending.size < MAX_PENDING || this.#pending.has(key)) this.#pending.set(key, nowMs);
  }

  /** Writes the noted uses, one flush at a time. Never rejects: what could not be written is retried with the next flush. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#write());
    return this.#flushing;
  }

  async list(tenantId: TenantId, projectId: ProjectId, clientId: ClientId): Promise<SecretUse[]> {
    const rows = await this.#uses.find({ where: { tenantId, projectId, clientId }, order: { secretId: 'ASC' } });
    return rows.map(({ secretId, lastUsedAtMs }) => ({ secretId, lastUsedAtMs }));
  }

  /** Nest calls this before the control database is closed. */
  onModuleDestroy(): Promise<void> {
    return this.close();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await within(CLOSE_WITHIN_MS, this.flush(), () => undefined);
  }

  async #write(): Promise<void> {
    if (this.#pending.size === 0) return;
    const taken = this.#pending;
    this.#pending = new Map();
    try {
      const rows = [...taken].map(([key, lastUsedAtMs]) => {
        const [tenantId = '', projectId = '', clientId = '', secretId = ''] = key.split(' ');
        return { tenantId, projectId, clientId, secretId, lastUsedAtMs };
      });
      // No transaction: if a statement fails, all are retried, and writing a row twice is harmless.
      for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
        await this.#uses.upsert(rows.slice(start, start + ROWS_PER_STATEMENT), [
          'tenantId',
          'projectId',
          'clientId',
          'secretId',
        ]);
        // For requests.
        await nextTurn();
      }
    } catch (error) {
      this.#log.warn('secret_uses_not_written', { reason: reasonOfFailure(error) ?? 'not available' });
      for (const [key, at] of taken) if (!this.#pending.has(key)) this.#pending.set(key, at);
    }
  }
}
