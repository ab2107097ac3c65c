import { OperatorError } from '../../errors/operator-error.ts';
import type { Database, Row } from '../../database/database.ts';
import { MIGRATIONS_TABLE } from '../../database/migrations.ts';
import { TABLE_PREFIX } from '../../tenancy/relations/directory-relations.ts';
import type { TenantId } from '../../domain/ids.ts';
import { directoryTables } from './migrations/directory-tables.ts';

/** The first table that a migration creates, except the list of migrations. Without it, nothing here is Tessera's. */
const FIRST = 'tessera_owner';

/**
 * Refuses a database in which tables or views of others have the names of a directory's tables, before the first table is created: a migration would
 * skip them, and leave a directory that is partly theirs. What a killed migration left is no hindrance.
 *
 * @throws OperatorError
 */
export async function refuseForeignRelations(database: Database, tenantId: TenantId): Promise<void> {
  const ours = new Map(
    directoryTables(database, TABLE_PREFIX).map((table) => [table.name, table.columns.map(({ name }) => name)]),
  );
  ours.set(MIGRATIONS_TABLE, ['id', 'timestamp', 'name']);
  const found = await relationsNamed(database, [...ours.keys()]);
  const isBegun = found.has(FIRST);
  const foreign = [...found].filter(
    ([name, columns]) =>
      (!isBegun && name !== MIGRATIONS_TABLE) ||
      columns === undefined ||
      columns.toSorted().join() !== ours.get(name)?.toSorted().join(),
  );
  if (foreign.length === 0) return;
  const names = foreign.map(([name]) => name).sort();
  throw new OperatorError(
    `Tenant ${tenantId}: its database already has ${names.join(', ')}, which Tessera did not make. Nothing was changed there. ` +
      'Name an empty database, or rename them. If they are views over the tables of an application, write "directory: external" in the tenants file.',
  );
}

/** The columns of each relation with one of these names; undefined for a view. */
async function relationsNamed(
  database: Database,
  names: readonly string[],
): Promise<ReadonlyMap<string, readonly string[] | undefined>> {
  const list = names.map((name) => `'${name}'`).join(', ');
  const sqlite = database.kind === 'sqlite';
  const relations = await database.query(
    sqlite
      ? `SELECT name AS relation, type = 'table' AS is_table FROM sqlite_master WHERE name IN (${list}) LIMIT 1000`
      : `SELECT SUBSTR(table_name, 1, 64) AS relation, table_type = 'BASE TABLE' AS is_table FROM information_schema.tables
          WHERE table_schema = DATABASE() AND table_name IN (${list}) LIMIT 1000`,
  );
  if (relations.length === 0) return new Map();
  // Not in one statement: for a join, a server opens every table of all of its databases.
  const columns = await database.query(
    sqlite
      ? `SELECT m.name AS relation, c.name AS column_name
           FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.name IN (${list}) LIMIT 1000`
      : `SELECT SUBSTR(table_name, 1, 64) AS relation, SUBSTR(column_name, 1, 64) AS column_name FROM information_schema.columns
          WHERE table_schema = DATABASE() AND table_name IN (${list}) LIMIT 1000`,
  );
  const found = new Map<string, string[] | undefined>();
  for (const row of relations) found.set(textOf(row, 'relation'), Number(row['is_table']) === 1 ? [] : undefined);
  for (const row of columns) found.get(textOf(row, 'relation'))?.push(textOf(row, 'column_name'));
  return found;
}

function textOf(row: Row, column: string): string {
  return String(row[column]).toLowerCase();
}
