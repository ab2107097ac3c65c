import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { CONTROL_PLANE_SCHEMA } from './control-plane.schema.ts';
import type { BoundedDataSource } from '../database/bounded-data-source.ts';
import type { MysqlOptions } from '../database/mysql/mysql-options.ts';
import { SqliteDataSource } from '../database/sqlite/sqlite-data-source.ts';

export const CONTROL_DATABASE = 'control database';

/** Time limit of connecting to the control database and of one statement. With the waits before it, a request still ends within the promised 3 s. */
const TIMEOUT_MS = 1500;

export function controlDatabaseFile(config: Config): string {
  return join(config.dataDirectory, 'control.sqlite');
}

export function controlDatabaseOptions(config: Config): MysqlOptions {
  const { controlDatabase } = config;
  if (controlDatabase.driver !== 'mysql') throw new Error('the control database is no server');
  const { host, port, database, username, password, poolSize } = controlDatabase;
  const { dangerouslyAllowPlaintext } = config.connections;
  const address = { host, port, database, username, password, poolSize, dangerouslyAllowPlaintext };
  return {
    ...address,
    name: CONTROL_DATABASE,
    timeoutMs: TIMEOUT_MS,
    answerLimit: Infinity,
    schema: CONTROL_PLANE_SCHEMA,
  };
}

/** The DataSource of the control database; not yet initialized. */
export async function createControlDataSource(config: Config): Promise<BoundedDataSource> {
  if (config.controlDatabase.driver === 'sqlite') return createControlFileSource(controlDatabaseFile(config));
  // Loaded only if it is used, so that the embedded default neither waits for the driver nor holds it in memory.
  const { MysqlDataSource } = await import('../database/mysql/mysql-data-source.ts');
  return new MysqlDataSource(controlDatabaseOptions(config));
}

/**
 * Reads the file that servers write, for questions about rows that are too many to copy. If no process has it open, the connection could write, because
 * only such a one removes SQLite's extra files again.
 */
export function createLiveControlFileSource(file: string): SqliteDataSource {
  const readOnly = existsSync(`${file}-wal`);
  return new SqliteDataSource({ name: CONTROL_DATABASE, file, schema: CONTROL_PLANE_SCHEMA, create: false, readOnly });
}

export function createControlFileSource(file: string): SqliteDataSource {
  return new SqliteDataSource({ name: CONTROL_DATABASE, file, schema: CONTROL_PLANE_SCHEMA, create: true });
}
