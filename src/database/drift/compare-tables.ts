import type { ColumnShape, ForeignKeyShape, IndexShape, TableShape } from './table-shape.ts';

/** A difference between a table and what the migrations make: one for each table and kind. */
export interface Drift {
  readonly table: string;
  readonly kind: 'table' | 'column' | 'type' | 'collation' | 'engine' | 'index' | 'foreign key';
  /** Contains names that the migrations give, and none that the database gives. */
  readonly problem: string;
  /** The SQL statement that mends it; undefined if the data are lost. */
  readonly statement: string | undefined;
}

/** Compares a database's tables with those that the migrations make. Further columns and indices are the operator's own. */
export function compareTables(expected: readonly TableShape[], found: readonly TableShape[]): Drift[] {
  return expected.flatMap((table) => {
    const actual = found.find(({ name }) => name === table.name);
    if (actual !== undefined) return compareTable(table, actual);
    return [{ table: table.name, kind: 'table', problem: `table ${table.name} is missing`, statement: undefined }];
  });
}

function compareTable(expected: TableShape, actual: TableShape): Drift[] {
  const found = new Map(actual.columns.map((column) => [column.name, column]));
  const missing = expected.columns.filter(({ name }) => !found.has(name));
  const present = expected.columns.filter(({ name }) => found.has(name));
  const retyped = present.filter((column) => !isSameType(column, found.get(column.name), expected.primaryKey));
  const collated = present.filter(({ name, collation }) => collation !== found.get(name)?.collation);
  // What needs a missing column is missing with it.
  const isComplete = ({ columns }: { readonly columns: readonly string[] }) =>
    columns.every((column) => found.has(column));
  const indices = expected.indices.filter((index) => isComplete(index) && !hasIndex(actual, index));
  const foreignKeys = expected.foreignKeys.filter((key) => isComplete(key) && !hasForeignKey(actual, key));
  const primaryKey = isSame(expected.primaryKey, actual.primaryKey) ? [] : expected.primaryKey;
  const engine = expected.engine === actual.engine ? [] : [expected.engine ?? ''];

  const drift = (kind: Drift['kind'], what: string, clauses: readonly string[]): Drift[] => {
    const problem = `table ${expected.name}: ${what}`;
    const statement = `ALTER TABLE ${expected.name} ${clauses.join(', ')}`;
    return clauses.length === 0 ? [] : [{ table: expected.name, kind, problem, statement }];
  };
  return [
    ...drift('column', `no column ${namesOf(missing)}`, missing.map(adding)),
    ...drift('type', `another type or another NULL of column ${namesOf(retyped)}`, retyped.map(modifying)),
    ...drift('collation', `another collation of column ${namesOf(collated)}`, collated.map(modifying)),
    ...drift(
      'engine',
      `the engine is not ${engine.join('')}`,
      engine.map((name) => `ENGINE=${name}`),
    ),
    ...drift('index', 'another primary key', primaryKey.length === 0 ? [] : [`ADD PRIMARY KEY (${list(primaryKey)})`]),
    ...missingIndices(expected.name, indices),
    ...drift(
      'foreign key',
      `no foreign key from ${foreignKeys.map(({ columns, table }) => `(${list(columns)}) to ${table}`).join(', ')}`,
      foreignKeys.map(referring(expected.name)),
    ),
  ];
}

/** A type that holds more is as good: a server changes `mediumtext` itself when it converts a table. */
function isSameType(expected: ColumnShape, found: ColumnShape | undefined, primaryKey: readonly string[]): boolean {
  if (found === undefined) return false;
  const isNullAlike = expected.isNullable === found.isNullable || primaryKey.includes(expected.name);
  return isNullAlike && (found.type === expected.type || LARGER.get(expected.type) === found.type);
}

const LARGER: ReadonlyMap<string, string> = new Map([
  ['mediumtext', 'longtext'],
  ['int', 'bigint'],
]);

function hasIndex({ indices, primaryKey }: TableShape, { columns, isUnique }: IndexShape): boolean {
  const all = [{ columns: primaryKey, isUnique: true }, ...indices];
  return isUnique
    ? all.some((index) => index.isUnique && isSame(index.columns, columns))
    : all.some((index) => isSame(index.columns.slice(0, columns.length), columns));
}

function hasForeignKey({ foreignKeys }: TableShape, { columns, table, onDelete }: ForeignKeyShape): boolean {
  return foreignKeys.some((key) => isSame(key.columns, columns) && key.table === table && key.onDelete === onDelete);
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, index) => name === other[index]);
}

function adding(column: ColumnShape): string {
  return `ADD COLUMN ${definition(column)}`;
}

function modifying(column: ColumnShape): string {
  return `MODIFY COLUMN ${definition(column)}`;
}

/** Statements that SQLite understands, too. */
function missingIndices(table: string, indices: readonly IndexShape[]): Drift[] {
  if (indices.length === 0) return [];
  const problem = `table ${table}: no index on ${indices.map(({ columns }) => `(${list(columns)})`).join(', ')}`;
  const statements = indices.map(
    ({ columns, isUnique }) =>
      `CREATE ${isUnique ? 'UNIQUE ' : ''}INDEX ${`${table}_${columns.join('_')}`.slice(0, 64)} ON ${table} (${list(columns)})`,
  );
  return [{ table, kind: 'index', problem, statement: statements.join('; ') }];
}

function referring(table: string) {
  return ({ columns, table: target, targets, onDelete }: ForeignKeyShape) =>
    `ADD CONSTRAINT ${table}_to_${target} FOREIGN KEY (${list(columns)}) REFERENCES ${target} (${list(targets)}) ON DELETE ${onDelete}`;
}

function definition({ name, type, isNullable, collation }: ColumnShape): string {
  const collated =
    collation === undefined ? '' : ` CHARACTER SET ${collation.split('_')[0] ?? ''} COLLATE ${collation}`;
  return `${name} ${type}${collated}${isNullable ? '' : ' NOT NULL'}`;
}

function namesOf(columns: readonly ColumnShape[]): string {
  return list(columns.map(({ name }) => name));
}

function list(names: readonly string[]): string {
  return names.join(', ');
}
