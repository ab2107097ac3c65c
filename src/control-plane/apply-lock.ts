import BetterSqlite3 from 'better-sqlite3';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import { databaseFailure } from '../database/database-failure.ts';
import { controlDatabaseOptions } from './control-database.ts';
import { lockIsHeld } from './lock-errors.ts';
import { type AssertHeld, NO_FENCE, type WriteFence } from './write-fence.ts';

/** Long enough for another `apply` of usual size, and to take over from one that was killed on another node. After that, an OperatorError. */
const WAIT_MS = 15_000;

/**
 * Allows one process at a time to change the schemas and configuration of an installation. The lock is released when the process ends, by whatever
 * signal. A lock on a server is also lost with its connection, so `work` must call `assertHeld` before each change, and give the fence to whatever writes
 * to the control database.
 */
export async function withApplyLock<T>(
  config: Config,
  work: (assertHeld: AssertHeld, fence: WriteFence) => Promise<T>,
  waitMs = WAIT_MS,
): Promise<T> {
  if (config.controlDatabase.driver === 'sqlite')
    return withFileLock(join(config.dataDirectory, 'apply.lock'), work, waitMs);
  const { withServerLock } = await import('./server-apply-lock.ts');
  return withServerLock(controlDatabaseOptions(config), work, waitMs);
}

/** Uses an exclusive transaction on an empty database: SQLite's file lock, which the kernel releases. */
async function withFileLock<T>(
  file: string,
  work: (assertHeld: AssertHeld, fence: WriteFence) => Promise<T>,
  waitMs: number,
): Promise<T> {
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
    return await work(() => Promise.resolve(), NO_FENCE);
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
