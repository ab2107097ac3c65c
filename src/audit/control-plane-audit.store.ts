import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { type AuditRecord, AuditStore, type RecordKey } from './audit-record.ts';
import {
  bounded,
  INDEXING,
  INSERT_INDEXED,
  INSERTS,
  PARTS,
  ROWS_PER_STEP,
  rowsOfNext,
  valuesOf,
} from './audit-statements.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { ControlPlane } from '../control-plane/control-plane.ts';
import type { Database } from '../database/database.ts';
import { isStatementRefused, reasonOfFailure } from '../database/database-failure.ts';
import { AuditRecordEntity } from '../control-plane/entities/audit-record.entity.ts';

/** As many corrections may read the rows that are in no index yet. For more, these rows are indexed first. */
const FEW = 20;

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
      const inserts = INSERTS[this.#controlPlane.kind ?? (await this.#kind())];
      while (rest.length > 0) {
        const rows = rowsOfNext(rest.length);
        await this.#controlPlane.query(inserts.get(rows) ?? '', valuesOf(rest, rows));
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
    const { markUnreleased } = PARTS[await this.#kind()];
    if (records.length > FEW) await this.#indexAll();
    for (const { at, requestId, tokenId } of records)
      for (const statement of markUnreleased)
        await this.#controlPlane.query(statement, [reason, bounded(requestId, 128), bounded(tokenId, 128), at]);
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

  /** Removes all records older than `beforeMs`, a limited number per statement. */
  async purge(beforeMs: number): Promise<void> {
    for (const { find, purge } of PARTS[await this.#kind()].oldest)
      for (;;) {
        const [oldest] = await this.#controlPlane.query(find);
        if (typeof oldest?.['at_ms'] !== 'number' || oldest['at_ms'] >= beforeMs) break;
        await this.#controlPlane.query(purge, [beforeMs]);
      }
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

  /** Without it, each correction of many would read all rows that are in no index. */
  async #indexAll(): Promise<void> {
    for (let left = await this.unindexedRows(); left > 0; left -= ROWS_PER_STEP) await this.indexOldest(ROWS_PER_STEP);
  }

  async #kind(): Promise<Database['kind']> {
    return (await this.#controlPlane.database()).kind;
  }
}

/** Inserts the record within the caller's transaction. */
export async function insertAuditRecord(manager: EntityManager, record: AuditRecord): Promise<void> {
  await manager.query(INSERT_INDEXED, valuesOf([record], 1));
}
