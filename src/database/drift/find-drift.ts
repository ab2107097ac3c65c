import { readMysqlTables } from './mysql-tables.ts';
import { readSqliteTables } from './sqlite-tables.ts';
import { compareTables, type Drift } from './compare-tables.ts';
import type { Database } from '../database.ts';
import { UNPADDED_COLLATIONS, unpaddedCollation } from '../unpadded-collation.ts';
import type { Ask, TableShape } from './table-shape.ts';

/** Compares a database with the tables that it must have. Read-only. */
export async function findDrift(kind: Database['kind'], ask: Ask, expected: readonly TableShape[]): Promise<Drift[]> {
  const read = kind === 'sqlite' ? readSqliteTables : readMysqlTables;
  const names = expected.map(({ name }) => name);
  const wanted = kind === 'sqlite' ? expected : await onThisServer(ask, expected);
  return compareTables(wanted, await read(ask, names));
}

/** MySQL and MariaDB have different names for one collation. */
async function onThisServer(ask: Ask, tables: readonly TableShape[]): Promise<readonly TableShape[]> {
  const [unpadded] = UNPADDED_COLLATIONS;
  if (!tables.some(({ columns }) => columns.some(({ collation }) => collation === unpadded))) return tables;
  const own = await unpaddedCollation((sql) => ask(sql, []));
  return tables.map((table) => ({
    ...table,
    columns: table.columns.map((column) => (column.collation === unpadded ? { ...column, collation: own } : column)),
  }));
}
