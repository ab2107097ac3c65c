import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Log } from '../logging/log.ts';
import type { ClientId, ProjectId, TenantId } from '../domain/ids.ts';
import { reasonOfFailure } from '../database/database-failure.ts';
import { SecretUseEntity } from '../control-plane/entities/secret-use.entity.ts';

const FLUSH_MS = 10_000;
/** Beyond it new secrets are not noted until the next flush: memory stays bounded while the control database is away. */
const MAX_PENDING = 100_000;
/** One statement, within the database's timeout. */
const ROWS_PER_STATEMENT = 500;

export interface SecretUse {
  readonly secretId: string;
  readonly lastUsedAtMs: number;
}

/**
 * When each client secret was last used, so that an operator sees that an old one can go. Noted in memory on the hot path and written
 * behind, every 10 s and at the end; after a crash the last seconds are missing, which nobody decides by.
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
    // No id holds a space, and what Tessera names a secret neither.
    const key = `${tenantId} ${projectId} ${clientId} ${secretId}`;
    if (this.#pending.size < MAX_PENDING || this.#pending.has(key)) this.#pending.set(key, nowMs);
  }

  /** Writes what was noted so far, one flush at a time. Never rejects: what could not be written is tried with the next. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#write());
    return this.#flushing;
  }

  async list(tenantId: TenantId, projectId: ProjectId, clientId: ClientId): Promise<SecretUse[]> {
    const rows = await this.#uses.find({ where: { tenantId, projectId, clientId }, order: { secretId: 'ASC' } });
    return rows.map(({ secretId, lastUsedAtMs }) => ({ secretId, lastUsedAtMs }));
  }

  /** Nest's hook, which comes before the control database is closed. */
  onModuleDestroy(): Promise<void> {
    return this.close();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
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
      // No transaction: when a statement fails, all are tried again, and to write a row twice does no harm.
      for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT)
        await this.#uses.upsert(rows.slice(start, start + ROWS_PER_STATEMENT), [
          'tenantId',
          'projectId',
          'clientId',
          'secretId',
        ]);
    } catch (error) {
      this.#log.warn('secret_uses_not_written', { reason: reasonOfFailure(error) ?? 'not available' });
      for (const [key, at] of taken) if (!this.#pending.has(key)) this.#pending.set(key, at);
    }
  }
}
