import BetterSqlite3 from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import { OperatorError } from '../errors/operator-error.ts';
import { controlDatabaseOptions } from './control-database.ts';
import { databaseFailure } from '../database/database-failure.ts';

/** Long enough for another `apply` of usual size; whoever waits longer wants to know. */
const WAIT_MS = 10_000;

/** @throws OperatorError when the lock was lost meanwhile: somebody else may hold it, and what was planned may be overtaken */
export type AssertHeld = () => Promise<void>;

/**
 * At most one process at a time changes schemas and configuration of one installation. The lock belongs to the process and goes
 * with it, by whatever signal. A lock on a server goes with its connection, too: `work` asks before each thing that it changes.
 */
export async function withApplyLock<T>(
  config: Config,
  work: (assertHeld: AssertHeld) => Promise<T>,
  waitMs = WAIT_MS,
): Promise<T> {
  return config.controlDatabase.driver === 'sqlite'
    ? withFileLock(join(config.dataDirectory, 'apply.lock'), work, waitMs)
    : withServerLock(config, work, waitMs);
}

/** An exclusive transaction on an empty database: SQLite's own file lock, which the kernel releases. */
async function withFileLock<T>(file: string, work: (assertHeld: AssertHeld) => Promise<T>, waitMs: number): Promise<T> {
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
  const lock = new BetterSqlite3(file, { timeout: 0 });
  chmodSync(file, 0o600);
  try {
    const deadline = performance.now() + waitMs;
    while (!tryLock(lock)) {
      if (performance.now() > deadline) throw lockIsHeld();
      await delay(50);
    }
    // It is this process's own, and nothing takes it away.
    return await work(() => Promise.resolve());
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

async function withServerLock<T>(
  config: Config,
  work: (assertHeld: AssertHeld) => Promise<T>,
  waitMs: number,
): Promise<T> {
  const { withMysqlConnection } = await import('../database/mysql/mysql-connection.ts');
  const options = controlDatabaseOptions(config);
  return withMysqlConnection(options, async (connection) => {
    const name = `apply:${options.database}`;
    await takeNamedLock(connection, name, waitMs);
    return work(() => assertNamedLock(connection, name));
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
  const asked = [lockKey(name), waitMs / 1000];
  const [row] = await connection.ask('SELECT GET_LOCK(?, ?) AS held', asked, waitMs + 2000);
  if (Number(row?.['held']) !== 1) throw lockIsHeld();
}

async function assertNamedLock(connection: Asking, name: string): Promise<void> {
  let row: Record<string, unknown> | undefined;
  try {
    [row] = await connection.ask(
      'SELECT IS_USED_LOCK(?) = CONNECTION_ID() AS held, @@global.read_only AS stands_down',
      [lockKey(name)],
    );
  } catch (error) {
    throw lockIsLost(error);
  }
  if (Number(row?.['held']) !== 1) throw lockIsLost(undefined);
  // The lock is on this server alone. Other connections may lead to its successor by now, where nobody holds it. Words since MariaDB 12.
  if (!['0', 'OFF'].includes(String(row?.['stands_down']))) throw serverStoodDown();
}

/** MySQL allows 64 characters, and a database's name alone may have them. */
function lockKey(name: string): string {
  return `tessera:${createHash('sha256').update(name).digest('hex').slice(0, 40)}`;
}

function lockIsLost(cause: unknown): OperatorError {
  return new OperatorError(
    'The connection that held the lock on this installation broke, so that another process may be changing it. Run the command again.',
    { cause },
  );
}

function serverStoodDown(): OperatorError {
  return new OperatorError(
    'The server that held the lock on this installation takes no writes any more, so that another one may have taken over. Let DATABASE_URL lead to the primary, then run the command again.',
  );
}

function lockIsHeld(): OperatorError {
  return new OperatorError('Another process is changing this installation. Run the command again when it has ended.');
}
