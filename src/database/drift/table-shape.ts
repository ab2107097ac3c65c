import type { Row, SqlValue } from '../database.ts';

/** The parts of a table that the service depends on. Defaults, names of indices and the order of columns are not among them. */
export interface TableShape {
  readonly name: string;
  readonly columns: readonly ColumnShape[];
  /** The columns of the primary key, in order. */
  readonly primaryKey: readonly string[];
  readonly indices: readonly IndexShape[];
  readonly foreignKeys: readonly ForeignKeyShape[];
  /** Undefined on SQLite, which has one engine. */
  readonly engine: string | undefined;
}

export interface ColumnShape {
  readonly name: string;
  /** Lower case, such as `varchar(64)` or `bigint`. */
  readonly type: string;
  readonly isNullable: boolean;
  /** Undefined on SQLite, and for numbers. */
  readonly collation: string | undefined;
}

/** Besides the primary key. */
export interface IndexShape {
  readonly columns: readonly string[];
  readonly isUnique: boolean;
}

export interface ForeignKeyShape {
  readonly columns: readonly string[];
  readonly table: string;
  /** Columns of that table. */
  readonly targets: readonly string[];
  readonly onDelete: string;
}

/** Runs one SELECT. */
export type Ask = (sql: string, parameters: readonly SqlValue[]) => Promise<readonly Row[]>;

/** Others may control the database: more rows than any of our schemas has, and more of a name than any of ours has, are not read. */
export const MAX_SHAPE_ROWS = 2000;
export const MAX_NAME = 64;

export function shapeText(row: Row, column: string): string {
  const value = row[column];
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

/** The rows of each value of a column, in their order. */
export function grouped(rows: readonly Row[], by: (row: Row) => string): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = by(row);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
}
