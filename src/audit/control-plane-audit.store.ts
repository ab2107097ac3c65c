import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { type AuditRecord, AuditStore, type RecordKey } from './audit-record.ts';
import {
  bounded,
  INDEXING,
  INSERT_INDEXED,
  INSERTS,
  markUnindexed,
  PARTS,
  rowsOfNext,
  valuesOf,
} from './audit-statements.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { ControlPlane } from '../control-plane/control-plane.ts';
import type { Database } from '../database/database.ts';
import { isStatementRefused, reasonOfFailure } from '../database/database-failure.ts';
import { inSteps } from '../runtime/in-steps.ts';
import { AuditRecordEntity } from '../control-plane/entities/audit-record.entity.ts';

/** Corrections in one statement, and in one turn of the event loop. On SQLite a statement reads all rows that are in no index yet. */
const MARKED_AT_ONCE = 300;

/** Readiness answers within 2 s. */
const CHECK_MS = 1500;

/** Stores audit records in the control database. */
@Injectable()
export class ControlPlaneAuditStore extends AuditStore {
  readonly #controlPlane: ControlPlane;
  /** Whether the last write failed. */
  #failed = false;
  #appended = 0;

  constructor(controlPlane: ControlPlane) {
    super();
    this.#controlPlane = controlPlane;
  }

  /** How many records this process has written. */
  get appended(): number {
    return this.#appended;
  }

  override async append(records: readonly AuditRecord[]): Promise<void> {
    let rest = records;
    try {
      const kind = this.#controlPlane.kind ?? (await this.#kind());
      while (rest.length > 0) {
        const rows = rowsOfNext(kind, rest.length);
        await this.#controlPlane.query(INSERTS[kind].get(rows) ?? '', valuesOf(rest, rows));
        rest = rest.slice(rows);
      }
      this.#appended += records.length;
      this.#failed = false;
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }

  override async markUnreleased(records: readonly RecordKey[], reason: string): Promise<void> {
    const kind = await this.#kind();
    const keys = records.map(({ at, requestId, tokenId }) => [bounded(requestId, 128), bounded(tokenId, 128), at]);
    // First, because a row may be indexed meanwhile, and never leaves the indices again.
    if (kind === 'sqlite')
      for (let start = 0; start < keys.length; start += MARKED_AT_ONCE) {
        const some = keys.slice(start, start + MARKED_AT_ONCE);
        await this.#controlPlane.query(markUnindexed(some.length), [reason, ...some.flat()]);
        // An embedded database answers at once, and requests would wait for the last of many.
        await nextTurn();
      }
    for (const [index, key] of keys.entries()) {
      await this.#controlPlane.query(PARTS[kind].markUnreleased, [reason, ...key]);
      if (index % MARKED_AT_ONCE === 0) await nextTurn();
    }
  }

  /**
   * For readiness: whether a record can be written now. While writes succeed, a write without effect is a sufficient check. After a failed write, only
   * a committed write shows that the problem is over, because a full disk accepts a write without effect.
   *
   * A database that does not answer is not reported here: readiness then names the database.
   */
  async check(): Promise<void> {
    try {
      if (this.#failed) await this.#writeAndRemove();
      else await this.#controlPlane.assertTakesWrites();
    } catch (error) {
      if (error instanceof TesseraError && isStatementRefused(reasonOfFailure(error))) throw error;
    }
  }

  async #writeAndRemove(): Promise<void> {
    await this.#controlPlane.transaction(async (manager) => {
      const probe = { atMs: 0, requestId: '', route: 'GET /readyz', source: '', outcome: 'probe' };
      const { identifiers } = await manager.insert(AuditRecordEntity, probe);
      await manager.delete(AuditRecordEntity, identifiers[0] ?? {});
    }, CHECK_MS);
    this.#failed = false;
  }

  /** Removes all records older than `beforeMs`, until the signal is aborted. */
  async purge(beforeMs: number, signal: AbortSignal): Promise<void> {
    for (const { find, purge } of PARTS[await this.#kind()].oldest)
      await inSteps(signal, async () => {
        const [oldest] = await this.#controlPlane.query(find);
        if (typeof oldest?.['at_ms'] !== 'number' || oldest['at_ms'] >= beforeMs) return false;
        await this.#controlPlane.query(purge, [beforeMs]);
        return true;
      });
  }

  /** At most how many rows are not in the indices yet. On MySQL every row is. Does not open the database. */
  async unindexedRows(): Promise<number> {
    if (this.#controlPlane.kind !== 'sqlite') return 0;
    const [first] = await this.#controlPlane.query(INDEXING.first);
    const [last] = await this.#controlPlane.query(INDEXING.last);
    return typeof first?.['id'] === 'number' && typeof last?.['id'] === 'number' ? last['id'] - first['id'] + 1 : 0;
  }

  /** Adds the oldest of them to the indices. */
  async indexOldest(rows: number): Promise<void> {
    if (this.#controlPlane.kind !== 'sqlite') return;
    await this.#controlPlane.query(INDEXING.index, [rows]);
  }

  async #kind(): Promise<Database['kind']> {
    return (await this.#controlPlane.database()).kind;
  }
}

/** Inserts the record within the caller's transaction. */
export async function insertAuditRecord(manager: EntityManager, record: AuditRecord): Promise<void> {
  await manager.query(INSERT_INDEXED, valuesOf([record], 1));
}
