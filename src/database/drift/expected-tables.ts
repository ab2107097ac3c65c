import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from '../database.ts';
import { MIGRATIONS_TABLE } from '../migrations.ts';
import type { Schema } from '../schema.ts';
import { UNPADDED_COLLATIONS } from '../unpadded-collation.ts';
import { openSqliteDatabase } from '../sqlite/sqlite-data-source.ts';
import { readSqliteTables } from './sqlite-tables.ts';
import type { ColumnShape, TableShape } from './table-shape.ts';

/**
 * The tables that the migrations of a schema make: they are run on an empty SQLite database, which is removed again. So nothing has to be kept equal
 * to the migrations by hand.
 *
 * @param kind the database to compare with: for MySQL and MariaDB, types, collations and engine are those of migration-columns.ts and widen-sub.ts
 */
export async function expectedTables(schema: Schema, kind: Database['kind']): Promise<TableShape[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-'));
  try {
    const file = join(folder, 'expected.sqlite');
    const database = await openSqliteDatabase({ name: 'embedded database', file, schema, create: true });
    try {
      await database.runMigrations();
      const rows = await database.query(
        `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> ? ORDER BY name`,
        [MIGRATIONS_TABLE],
      );
      const tables = await readSqliteTables(
        (sql, parameters) => database.query(sql, parameters),
        rows.map((row) => String(row['name'])),
      );
      return kind === 'sqlite' ? tables : tables.map(onMysql);
    } finally {
      await database.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function onMysql(table: TableShape): TableShape {
  return { ...table, columns: table.columns.map(columnOnMysql), engine: 'InnoDB' };
}

function columnOnMysql(column: ColumnShape): ColumnShape {
  if (column.name === 'sub') return { ...column, collation: UNPADDED_COLLATIONS[0] };
  if (column.type.startsWith('varchar')) return { ...column, collation: 'ascii_bin' };
  if (column.type === 'text') return { ...column, type: 'mediumtext', collation: 'utf8mb4_bin' };
  return column.type === 'integer' ? { ...column, type: 'int' } : column;
}
