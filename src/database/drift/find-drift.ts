import { readMysqlTables } from './mysql-tables.ts';
import { readSqliteTables } from './sqlite-tables.ts';
import { compareTables, type Drift } from './compare-tables.ts';
import type { Database } from '../database.ts';
import type { Ask, TableShape } from './table-shape.ts';

/** Compares a database with the tables that it must have. Read-only. */
export async function findDrift(kind: Database['kind'], ask: Ask, expected: readonly TableShape[]): Promise<Drift[]> {
  const read = kind === 'sqlite' ? readSqliteTables : readMysqlTables;
  const names = expected.map(({ name }) => name);
  return compareTables(expected, await read(ask, names));
}
