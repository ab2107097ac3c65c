import type { Database } from './database.ts';

/**
 * A DELETE of the first rows of an order. Background work deletes in such steps: on MySQL others wait for the locks of a statement, and on SQLite the
 * event loop for its end. SQLite has no LIMIT on DELETE.
 *
 * @param rows on SQLite, 100 rows of a table with three indices are about 1 ms of work
 */
export function limitedDelete(
  kind: Database['kind'],
  table: string,
  where: string,
  orderBy: string,
  rows: number,
): string {
  return kind === 'mysql'
    ? `DELETE FROM ${table} WHERE ${where} ORDER BY ${orderBy} LIMIT ${rows}`
    : `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE ${where} ORDER BY ${orderBy} LIMIT ${rows})`;
}
