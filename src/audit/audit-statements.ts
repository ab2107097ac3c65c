import { UNINDEXED } from '../control-plane/audit-indices.ts';
import type { Database, SqlValue } from '../database/database.ts';
import type { AuditRecord } from './audit-record.ts';
import { writeGrantDetails } from './grant-details.ts';

type Kind = Database['kind'];

/** The columns in the order in which they are written. */
const COLUMNS = [
  'at_ms',
  'request_id',
  'route',
  'source',
  'outcome',
  'reason',
  'tenant_id',
  'project_id',
  'client_id',
  'subject_id',
  'subject_digest',
  'token_id',
  'key_id',
  'secret_id',
  'details',
] as const;

/** One for each column. */
type ValuesOf<Columns extends readonly string[]> = { readonly [Index in keyof Columns]: SqlValue };

/** Written out, because this runs for every token. */
function valuesOfOne(record: AuditRecord): ValuesOf<typeof COLUMNS> {
  return [
    record.at,
    bounded(record.requestId, 128),
    bounded(record.route, 128),
    bounded(record.source, 64),
    record.outcome,
    bounded(record.reason, 255),
    record.tenantId ?? null,
    record.projectId ?? null,
    record.clientId ?? null,
    bounded(record.subjectId, 128),
    record.subjectDigest ?? null,
    bounded(record.tokenId, 128),
    bounded(record.keyId, 128),
    bounded(record.secretId, 128),
    record.grant === undefined ? null : writeGrantDetails(record.grant),
  ];
}

const upTo = (rows: number): number[] => Array.from({ length: rows }, (_, index) => rows - index);

/**
 * How many rows one statement may have, and so one commit. Larger appends are split. Each size that occurs is prepared once per connection. The driver of MySQL
 * keeps 3 KB for each row of a prepared statement, so that all sizes up to 32 would take 2 MB on each connection.
 */
const SIZES: Readonly<Record<Kind, readonly number[]>> = Object.freeze({
  sqlite: [256, 128, 64, ...upTo(32)],
  mysql: [128, 32, 28, 24, 20, ...upTo(16)],
});

/** A row that is in all indices at once: for changes in a transaction of their own, which are few. */
export const INSERT_INDEXED = insertOf(1, false);

/** The INSERT for each number of rows. */
export const INSERTS: Readonly<Record<Kind, ReadonlyMap<number, string>>> = Object.freeze({
  sqlite: insertsFor('sqlite'),
  mysql: insertsFor('mysql'),
});

function insertsFor(kind: Kind): ReadonlyMap<number, string> {
  return new Map(SIZES[kind].map((rows) => [rows, insertOf(rows, kind === 'sqlite')]));
}

function insertOf(rows: number, isIndexedLater: boolean): string {
  const names = [...COLUMNS, ...(isIndexedLater ? ['unindexed'] : [])].join(', ');
  const row = `(${[...COLUMNS.map(() => '?'), ...(isIndexedLater ? ['1'] : [])].join(', ')})`;
  return `INSERT INTO audit_records (${names}) VALUES ${Array(rows).fill(row).join(', ')}`;
}

/** @returns the largest size that does not exceed what is left */
export function rowsOfNext(kind: Kind, left: number): number {
  return SIZES[kind].find((size) => size <= left) ?? 1;
}

/** @param rows how many of the records, from the first on */
export function valuesOf(records: readonly AuditRecord[], rows: number): SqlValue[] {
  const values: SqlValue[] = [];
  for (const record of records.slice(0, rows)) values.push(...valuesOfOne(record));
  return values;
}

/** A row that was written for a token that was not released is kept but corrected. */
const MARK = `UPDATE audit_records SET outcome = 'temporarily_unavailable', reason = ?
  WHERE request_id = ? AND token_id = ? AND at_ms = ? AND outcome = 'issued'`;

/** SQLite only. Reads each row that is in no index yet, so many records are corrected at once. */
export function markUnindexed(records: number): string {
  return `UPDATE audit_records INDEXED BY ${UNINDEXED} SET outcome = 'temporarily_unavailable', reason = ?
    WHERE unindexed = 1 AND outcome = 'issued' AND (request_id, token_id, at_ms) IN (VALUES ${Array(records).fill('(?, ?, ?)').join(', ')})`;
}

/**
 * A day of records of a busy service must not be deleted in one statement: on MySQL others wait for its locks, and on SQLite the event loop for its end.
 */
const ROWS_PER_PURGE: Readonly<Record<Kind, number>> = { mysql: 5000, sqlite: 200 };

/** MySQL allows no LIMIT directly in an IN subquery, and SQLite none on DELETE, so there is a nested subquery. */
function purge(kind: Kind, rows: string): string {
  return `DELETE FROM audit_records WHERE id IN (SELECT id FROM (
    SELECT id FROM audit_records ${rows} at_ms < ? ORDER BY at_ms LIMIT ${ROWS_PER_PURGE[kind]}) AS oldest)`;
}

/** Statements that concern all rows, in one part on MySQL and in two on SQLite: the indexed rows and the others. */
interface Parts {
  /** Of one record. On SQLite it finds indexed rows only. */
  readonly markUnreleased: string;
  /** For the time of the oldest record and for the removal of the oldest, each of one part. */
  readonly oldest: readonly { readonly find: string; readonly purge: string }[];
  /** For the time of the newest record of one part. */
  readonly newest: readonly string[];
}

/** In this order, because a row may be indexed between two statements, and is never taken back: the second one then finds it. */
const UNINDEXED_ROWS = 'unindexed = 1';
const SQLITE_PARTS = [UNINDEXED_ROWS, 'unindexed IS NULL'];

export const PARTS: Readonly<Record<Kind, Parts>> = Object.freeze({
  mysql: {
    markUnreleased: MARK,
    oldest: [{ find: 'SELECT MIN(at_ms) AS at_ms FROM audit_records', purge: purge('mysql', 'WHERE') }],
    newest: ['SELECT MAX(at_ms) AS at_ms FROM audit_records'],
  },
  sqlite: {
    markUnreleased: `${MARK} AND unindexed IS NULL`,
    newest: SQLITE_PARTS.map((part) => `SELECT MAX(at_ms) AS at_ms FROM audit_records WHERE ${part}`),
    oldest: SQLITE_PARTS.map((part) => ({
      // Rows that are in no index were written in the order of their ids: one of them stands for all.
      find:
        part === UNINDEXED_ROWS
          ? `SELECT at_ms FROM audit_records INDEXED BY ${UNINDEXED} WHERE ${part} ORDER BY id LIMIT 1`
          : `SELECT MIN(at_ms) AS at_ms FROM audit_records WHERE ${part}`,
      purge: purge('sqlite', `WHERE ${part} AND`),
    })),
  },
});

/** SQLite only. */
export const INDEXING = Object.freeze({
  first: `SELECT MIN(id) AS id FROM audit_records INDEXED BY ${UNINDEXED} WHERE unindexed = 1`,
  last: `SELECT MAX(id) AS id FROM audit_records INDEXED BY ${UNINDEXED} WHERE unindexed = 1`,
  index: `UPDATE audit_records SET unindexed = NULL WHERE id IN (
    SELECT id FROM audit_records INDEXED BY ${UNINDEXED} WHERE unindexed = 1 ORDER BY id LIMIT ?)`,
});

const UNPRINTABLE = /[^\x20-\x7e]/;

/** Limits text to ASCII and a length, so that an audit record is never lost because a value does not fit its column. */
export function bounded(text: string | undefined, length: number): string | null {
  if (text === undefined) return null;
  const short = text.length > length ? text.slice(0, length) : text;
  return UNPRINTABLE.test(short) ? short.replaceAll(new RegExp(UNPRINTABLE, 'g'), '?') : short;
}
