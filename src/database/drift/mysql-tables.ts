import type { Row } from '../database.ts';
import { type Ask, grouped, MAX_NAME, MAX_SHAPE_ROWS, shapeText, type TableShape } from './table-shape.ts';

// Every column has an alias: MySQL 8 names those of information_schema in upper case.
const cut = (column: string, name: string) => `SUBSTR(${column}, 1, ${MAX_NAME + 1}) AS ${name}`;

/** Reads the tables of these names from a MySQL or MariaDB database; those that do not exist, or are views, are left out. */
export async function readMysqlTables(ask: Ask, names: readonly string[]): Promise<TableShape[]> {
  const named = `IN (${names.map(() => '?').join(', ')})`;
  const tables = await ask(
    `SELECT ${cut('table_name', 'name')}, ${cut('engine', 'engine')} FROM information_schema.tables
      WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND table_name ${named} LIMIT ${MAX_SHAPE_ROWS}`,
    names,
  );
  const columns = await ask(
    `SELECT ${cut('table_name', 'of_table')}, ${cut('column_name', 'name')}, ${cut('data_type', 'type')}, character_maximum_length AS length,
            ${cut('is_nullable', 'is_nullable')}, ${cut('collation_name', 'collation_name')}
       FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name ${named} ORDER BY ordinal_position LIMIT ${MAX_SHAPE_ROWS}`,
    names,
  );
  const indices = await ask(
    `SELECT ${cut('table_name', 'of_table')}, ${cut('index_name', 'index_name')}, ${cut('column_name', 'name')}, non_unique AS non_unique, sub_part AS sub_part
       FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name ${named} ORDER BY seq_in_index LIMIT ${MAX_SHAPE_ROWS}`,
    names,
  );
  // With the schema of one table in place of a constant, the server opens every table of all of its databases.
  const foreignKeys = await ask(
    `SELECT ${cut('k.table_name', 'of_table')}, ${cut('k.constraint_name', 'constraint_name')}, ${cut('k.column_name', 'name')},
            ${cut('k.referenced_table_name', 'target')}, ${cut('k.referenced_column_name', 'target_column')}, ${cut('r.delete_rule', 'delete_rule')}
       FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r
         ON r.constraint_schema = DATABASE() AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name
      WHERE k.constraint_schema = DATABASE() AND k.table_schema = DATABASE() AND k.table_name ${named} ORDER BY k.ordinal_position LIMIT ${MAX_SHAPE_ROWS}`,
    names,
  );
  return tables.map((table) => {
    const name = shapeText(table, 'name');
    const ofTable = (rows: readonly Row[]) => rows.filter((row) => row['of_table'] === name);
    const byIndex = grouped(ofTable(indices), (row) => shapeText(row, 'index_name'));
    return {
      name,
      columns: ofTable(columns).map((row) => ({
        name: shapeText(row, 'name'),
        type: typeOf(row),
        isNullable: row['is_nullable'] === 'YES',
        collation: shapeText(row, 'collation_name') || undefined,
      })),
      primaryKey: (byIndex.get('PRIMARY') ?? []).map((row) => shapeText(row, 'name')),
      indices: [...byIndex]
        .filter(([index, rows]) => index !== 'PRIMARY' && rows.every((row) => row['sub_part'] === null))
        .map(([, rows]) => ({
          columns: rows.map((row) => shapeText(row, 'name')),
          isUnique: Number(rows[0]?.['non_unique']) === 0,
        })),
      foreignKeys: [...grouped(ofTable(foreignKeys), (row) => shapeText(row, 'constraint_name')).values()].map(
        (rows) => ({
          columns: rows.map((row) => shapeText(row, 'name')),
          table: shapeText(rows[0] ?? {}, 'target'),
          targets: rows.map((row) => shapeText(row, 'target_column')),
          onDelete: shapeText(rows[0] ?? {}, 'delete_rule').toUpperCase(),
        }),
      ),
      engine: shapeText(table, 'engine'),
    };
  });
}

/** Only the length of a `varchar` matters: those of the text types follow from the type. */
function typeOf(row: Row): string {
  const type = shapeText(row, 'type').toLowerCase();
  return type === 'varchar' ? `varchar(${shapeText(row, 'length')})` : type;
}
