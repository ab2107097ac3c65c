import type { Database } from './database.ts';
import { reasonOfFailure } from './database-failure.ts';

/** Not TypeORM's `migrations`: a tenant's database may keep its own under that name. */
export const MIGRATIONS_TABLE = 'tessera_migrations';

/** The names of the migrations that were not run yet. Reads only. */
export async function pendingMigrations(database: Database): Promise<string[]> {
  const done = new Set(await finishedMigrations(database));
  return database.dataSource.migrations.map((migration) => migration.name ?? '').filter((name) => !done.has(name));
}

/** Far above what there are: in a tenant's database this table may be anything. */
const FINISHED = `SELECT SUBSTR(name, 1, 255) AS name FROM ${MIGRATIONS_TABLE} LIMIT 1000`;

async function finishedMigrations(database: Database): Promise<unknown[]> {
  try {
    return (await database.query(FINISHED)).map((row) => row['name']);
  } catch (error) {
    if (reasonOfFailure(error) === 'schema is missing') return [];
    throw error;
  }
}

/**
 * Brings the database to the current schema.
 *
 * SQLite: in one transaction, so that two at once are one after the other and a killed one never was. MySQL commits each statement by itself:
 * the caller holds a lock on the server, and each migration can be run again over its own beginning.
 *
 * @param timeoutMs for all of it; default: none
 * @returns the names of the migrations that were run
 */
export async function runMigrations(database: Database, timeoutMs?: number): Promise<string[]> {
  if ((await pendingMigrations(database)).length === 0) return [];
  return database.runMigrations(timeoutMs);
}
