import type { Database } from './database.ts';
import { reasonOfFailure } from './database-failure.ts';

/** Not `migrations`, TypeORM's default: a tenant's database may have a table of that name. */
export const MIGRATIONS_TABLE = 'tessera_migrations';

/** The names of the pending migrations. Read-only. */
export async function pendingMigrations(database: Database): Promise<string[]> {
  const done = new Set(await finishedMigrations(database));
  return database.dataSource.migrations.map((migration) => migration.name ?? '').filter((name) => !done.has(name));
}

/** The limits are far above the real numbers: in a tenant's database this table may hold anything. */
const FINISHED = `SELECT SUBSTR(name, 1, 255) AS name FROM ${MIGRATIONS_TABLE} LIMIT 1000`;

/** The names of the migrations that ran. Read-only; none if there is no table of them. */
export async function finishedMigrations(database: Pick<Database, 'query'>): Promise<unknown[]> {
  try {
    return (await database.query(FINISHED)).map((row) => row['name']);
  } catch (error) {
    if (reasonOfFailure(error) === 'schema is missing') return [];
    throw error;
  }
}

/**
 * Migrates the database to the current schema.
 *
 * SQLite: in one transaction, so that concurrent runs follow one another and a killed run leaves nothing. MySQL commits each statement by itself: the
 * caller holds a lock on the server, and each migration can be run again after an incomplete run.
 *
 * @param timeoutMs for the whole run; default: none
 * @returns the names of the migrations that ran
 */
export async function runMigrations(database: Database, timeoutMs?: number): Promise<string[]> {
  if ((await pendingMigrations(database)).length === 0) return [];
  return database.runMigrations(timeoutMs);
}
