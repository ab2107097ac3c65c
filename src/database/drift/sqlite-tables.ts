import { type Ask, grouped, MAX_NAME, MAX_SHAPE_ROWS, shapeText, type TableShape } from './table-shape.ts';

const NAMED = (names: readonly string[]) => `m.type = 'table' AND m.name IN (${names.map(() => '?').join(', ')})`;

/** Reads the tables of these names from a SQLite database; those that do not exist are left out. */
export async function readSqliteTables(ask: Ask, names: readonly string[]): Promise<TableShape[]> {
  const columns = await ask(
    `SELECT m.name AS table_name, SUBSTR(c.name, 1, ${MAX_NAME + 1}) AS column_name, SUBSTR(c.type, 1, ${MAX_NAME}) AS type, c."notnull" AS is_required, c.pk AS place
       FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE ${NAMED(names)} ORDER BY m.name, c.cid LIMIT ${MAX_SHAPE_ROWS}`,
    names,
  );
  const indices = await ask(
    `SELECT m.name AS table_name, SUBSTR(i.name, 1, ${MAX_NAME * 4}) AS index_name, i."unique" AS is_unique, SUBSTR(x.name, 1, ${MAX_NAME + 1}) AS column_name
       FROM sqlite_master m JOIN pragma_index_list(m.name) i JOIN pragma_index_info(i.name) x
      WHERE ${NAMED(names)} AND i.origin <> 'pk' ORDER BY m.name, i.seq, x.seqno LIMIT ${MAX_SHAPE_ROWS}`,
    names,
  );
  const foreignKeys = await ask(
    `SELECT m.name AS table_name, f.id, SUBSTR(f."table", 1, ${MAX_NAME + 1}) AS target, SUBSTR(f."from", 1, ${MAX_NAME + 1}) AS column_name, SUBSTR(f."to", 1, ${MAX_NAME + 1}) AS target_column, f.on_delete
       FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE ${NAMED(names)} ORDER BY m.name, f.id, f.seq LIMIT ${MAX_SHAPE_ROWS}`,
    names,
  );
  const ofTable = (rows: typeof columns, name: string) => rows.filter((row) => row['table_name'] === name);
  return names.flatMap((name) => {
    const own = ofTable(columns, name);
    if (own.length === 0) return [];
    return {
      name,
      columns: own.map((row) => ({
        name: shapeText(row, 'column_name'),
        type: shapeText(row, 'type').toLowerCase(),
        isNullable: row['is_required'] === 0,
        collation: undefined,
      })),
      primaryKey: own
        .filter((row) => Number(row['place']) > 0)
        .sort((a, b) => Number(a['place']) - Number(b['place']))
        .map((row) => shapeText(row, 'column_name')),
      indices: [...grouped(ofTable(indices, name), (row) => shapeText(row, 'index_name')).values()].map((rows) => ({
        columns: rows.map((row) => shapeText(row, 'column_name')),
        isUnique: rows[0]?.['is_unique'] === 1,
      })),
      foreignKeys: [...grouped(ofTable(foreignKeys, name), (row) => shapeText(row, 'id')).values()].map((rows) => ({
        columns: rows.map((row) => shapeText(row, 'column_name')),
        table: shapeText(rows[0] ?? {}, 'target'),
        targets: rows.map((row) => shapeText(row, 'target_column')),
        onDelete: shapeText(rows[0] ?? {}, 'on_delete').toUpperCase(),
      })),
      engine: undefined,
    };
  });
}
