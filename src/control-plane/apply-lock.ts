import BetterSqlite3 from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import { OperatorError } from '../errors/operator-error.ts';
import { controlDatabaseOptions } from './control-database.ts';
import { databaseFailure } from '../database/database-failure.ts';

/** Long enough for another `apply` of usual size. After that, the command fails with an OperatorError. */
const WAIT_MS = 10_000;

/** @throws OperatorError if the lock was lost: another process may hold it, and the plan may be outdated */
export type AssertHeld = () => Promise<void>;

/**
 * Allows one process at a time to change the schemas and configuration of an installation. The lock is released when the process ends, by whatever
 * signal. A lock on a server is also lost with its connection, so `work` must call `assertHeld` before each change.
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

/** Uses an exclusive transaction on an empty database: SQLite's file lock, which the kernel releases. */
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
    // A file lock of a living process cannot be lost.
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

/** Takes a lock on the server that lasts as long as this connection. */
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
  // The lock exists on this server only. After a failover, other connections reach another server, where the lock is free. MariaDB 12 and later report
  // `read_only` as a word.
  if (!['0', 'OFF'].includes(String(row?.['stands_down']))) throw serverStoodDown();
}

/** A lock's name has at most 64 characters in MySQL. A database's name alone may be that long, so it is hashed. */
function lockKey(name: string): string {
  return `tessera:${createHash('sha256').update(name).digest('hex').slice(0, 40)}`;
}

function lockIsLost(cause: unknown): OperatorError {
  return new OperatorError(
    'The connection that held the lock on this installation was lost, so another process may be changing it. Run the command again.',
    { cause },
  );
}

function serverStoodDown(): OperatorError {
  return new OperatorError(
    'The server that held the lock on this installation no longer accepts writes, so another server may have taken over. Let DATABASE_URL lead to the primary, then run the command again.',
  );
}

function lockIsHeld(): OperatorError {
  return new OperatorError(
    'Another process is changing this installation. Run the command again when it has finished.',
  );
}
