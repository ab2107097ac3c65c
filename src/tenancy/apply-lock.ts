import BetterSqlite3 from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import { OperatorError } from '../errors/operator-error.ts';
import { controlDatabaseOptions } from './control-database.ts';
import { databaseFailure } from './database-failure.ts';

/** Long enough for another `apply` of usual size; whoever waits longer wants to know. */
const WAIT_MS = 10_000;

/**
 * At most one process at a time changes schemas and configuration of one installation. The lock belongs to the process and goes
 * with it, by whatever signal.
 */
export async function withApplyLock<T>(config: Config, work: () => Promise<T>, waitMs = WAIT_MS): Promise<T> {
  return config.controlDatabase.driver === 'sqlite'
    ? withFileLock(join(config.dataDirectory, 'apply.lock'), work, waitMs)
    : withServerLock(config, work, waitMs);
}

/** An exclusive transaction on an empty database: SQLite's own file lock, which the kernel releases. */
async function withFileLock<T>(file: string, work: () => Promise<T>, waitMs: number): Promise<T> {
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
  const lock = new BetterSqlite3(file, { timeout: 0 });
  chmodSync(file, 0o600);
  try {
    const deadline = performance.now() + waitMs;
    while (!tryLock(lock)) {
      if (performance.now() > deadline) throw lockIsHeld();
      await delay(50);
    }
    return await work();
  } finally {
    lock.close();
  }
}

function tryLock(lock: BetterSqlite3.Database): boolean {
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (String((error as { readonly code?: unknown }).code).startsWith('SQLITE_BUSY')) return false;
    throw databaseFailure('apply lock', error);
  }
}

async function withServerLock<T>(config: Config, work: () => Promise<T>, waitMs: number): Promise<T> {
  const { withMysqlConnection } = await import('./mysql-connection.ts');
  const options = controlDatabaseOptions(config);
  return withMysqlConnection(options, async (connection) => {
    await takeNamedLock(connection, `apply:${options.database}`, waitMs);
    return work();
  });
}

interface Asking {
  ask(
    sql: string,
    parameters: readonly (string | number)[],
    timeoutMs?: number,
  ): Promise<readonly Record<string, unknown>[]>;
}

/** A lock on the server that lasts as long as this connection. */
export async function takeNamedLock(connection: Asking, name: string, waitMs = WAIT_MS): Promise<void> {
  // MySQL allows 64 characters, and a database's name alone may have them.
  const key = `tessera:${createHash('sha256').update(name).digest('hex').slice(0, 40)}`;
  const [row] = await connection.ask('SELECT GET_LOCK(?, ?) AS held', [key, waitMs / 1000], waitMs + 2000);
  if (Number(row?.['held']) !== 1) throw lockIsHeld();
}

function lockIsHeld(): OperatorError {
  return new OperatorError('Another process is changing this installation. Run the command again when it has ended.');
}
