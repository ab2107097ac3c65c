import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { type AuditRecord, AuditStore, type RecordKey } from './audit-record.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { ControlPlane } from '../control-plane/control-plane.ts';
import type { SqlValue } from '../database/database.ts';
import { isStatementRefused, reasonOfFailure } from '../database/database-failure.ts';
import { AuditRecordEntity } from '../control-plane/entities/audit-record.entity.ts';

/** The columns in the order in which they are written, each with the source of its value. */
const COLUMNS: readonly (readonly [column: string, value: (record: AuditRecord) => SqlValue])[] = [
  ['at_ms', (record) => record.at],
  ['request_id', (record) => bounded(record.requestId, 128)],
  ['route', (record) => bounded(record.route, 128)],
  ['source', (record) => bounded(record.source, 64)],
  ['outcome', (record) => record.outcome],
  ['reason', (record) => bounded(record.reason, 255)],
  ['tenant_id', (record) => record.tenantId ?? null],
  ['project_id', (record) => record.projectId ?? null],
  ['client_id', (record) => record.clientId ?? null],
  ['subject_id', (record) => bounded(record.subjectId, 128)],
  ['token_id', (record) => bounded(record.tokenId, 128)],
  ['key_id', (record) => bounded(record.keyId, 128)],
  ['secret_id', (record) => bounded(record.secretId, 128)],
];

/** A day of records of a busy service must not be deleted in one statement, because others wait for its locks. */
const ROWS_PER_PURGE = 5000;

/** MySQL allows no LIMIT directly in an IN subquery, and SQLite none on DELETE, so there is a nested subquery. */
const PURGE = `DELETE FROM audit_records WHERE id IN (SELECT id FROM (
  SELECT id FROM audit_records WHERE at_ms < ? ORDER BY at_ms LIMIT ${ROWS_PER_PURGE}) AS oldest)`;

/** A row that was written for a token that was not released is kept but corrected. */
const MARK_UNRELEASED = `UPDATE audit_records SET outcome = 'temporarily_unavailable', reason = ?
  WHERE at_ms = ? AND request_id = ? AND token_id = ? AND outcome = 'issued'`;

/** Up to this size, an append is one statement and so one commit. Each size is prepared once per connection. */
const SMALL_APPEND = 32;
/** Larger appends are split into these sizes. */
const LARGE_APPENDS = [256, 128, 64, SMALL_APPEND] as const;

const INSERTS: ReadonlyMap<number, string> = new Map(
  [...Array.from({ length: SMALL_APPEND }, (_, index) => index + 1), ...LARGE_APPENDS].map((rows) => {
    const row = `(${COLUMNS.map(() => '?').join(', ')})`;
    const names = COLUMNS.map(([column]) => column).join(', ');
    return [rows, `INSERT INTO audit_records (${names}) VALUES ${Array(rows).fill(row).join(', ')}`];
  }),
);

function rowsOfNext(left: number): number {
  return left <= SMALL_APPEND ? left : (LARGE_APPENDS.find((size) => size <= left) ?? SMALL_APPEND);
}

/** Readiness answers within 2 s. */
const CHECK_MS = 1500;

/** Stores audit records in the control database. */
@Injectable()
export class ControlPlaneAuditStore extends AuditStore {
  readonly #controlPlane: ControlPlane;
  /** Whether the last write failed. */
  #failed = false;

  constructor(controlPlane: ControlPlane) {
    super();
    this.#controlPlane = controlPlane;
  }

  override async append(records: readonly AuditRecord[]): Promise<void> {
    let rest = records;
    try {
      while (rest.length > 0) {
        const rows = rowsOfNext(rest.length);
        await this.#controlPlane.query(INSERTS.get(rows) ?? '', valuesOf(rest, rows));
        rest = rest.slice(rows);
      }
      this.#failed = false;
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }

  override async markUnreleased(records: readonly RecordKey[], reason: string): Promise<void> {
    for (const { at, requestId, tokenId } of records)
      await this.#controlPlane.query(MARK_UNRELEASED, [reason, at, bounded(requestId, 128), bounded(tokenId, 128)]);
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
    for (;;) {
      const [oldest] = await this.#controlPlane.query('SELECT MIN(at_ms) AS at_ms FROM audit_records');
      if (typeof oldest?.['at_ms'] !== 'number' || oldest['at_ms'] >= beforeMs) return;
      await this.#controlPlane.query(PURGE, [beforeMs]);
    }
  }
}

/** Inserts the record within the caller's transaction. */
export async function insertAuditRecord(manager: EntityManager, record: AuditRecord): Promise<void> {
  await manager.query(INSERTS.get(1) ?? '', valuesOf([record], 1));
}

/** A plain loop: this runs for every token. */
function valuesOf(records: readonly AuditRecord[], rows: number): SqlValue[] {
  const values: SqlValue[] = [];
  for (const record of records.slice(0, rows)) {
    for (const [, value] of COLUMNS) values.push(value(record));
  }
  return values;
}

const UNPRINTABLE = /[^\x20-\x7e]/;

/** Limits text to ASCII and a length, so that an audit record is never lost because a value does not fit its column. */
function bounded(text: string | undefined, length: number): string | null {
  if (text === undefined) return null;
  const short = text.length > length ? text.slice(0, length) : text;
  return UNPRINTABLE.test(short) ? short.replaceAll(new RegExp(UNPRINTABLE, 'g'), '?') : short;
}
