import Database from 'better-sqlite3';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { unavailable } from '../../errors/tessera-error.ts';
import { hasErrorCode } from './durable-file.ts';

const RETRY_MS = 10;
// A write takes a few milliseconds; two seconds of waiting mean that somebody is stuck, and the caller has three.
const MAX_TRIES = 200;

/**
 * One writer at a time over all processes on this machine. SQLite's file lock does it: the operating system releases it when its holder
 * is killed, which a lock file of our own would not survive.
 *
 * @throws TesseraError `temporarily_unavailable` when another writer keeps it for two seconds
 */
export async function withWriteLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  createLockFile(file);
  const lock = await acquire(file);
  try {
    return await work();
  } finally {
    lock.close();
  }
}

async function acquire(file: string): Promise<Database.Database> {
  const database = new Database(file, { timeout: 0, fileMustExist: true });
  try {
    for (let tries = 1; ; tries += 1) {
      try {
        // Nothing is ever stored: without this, an empty file's first lock writes a journal, which a full disk refuses.
        database.pragma('journal_mode = MEMORY');
        return database.exec('BEGIN EXCLUSIVE');
      } catch (error) {
        if (!hasErrorCode(error, 'SQLITE_BUSY')) throw error;
        if (tries === MAX_TRIES) throw unavailable('vault', 'another writer holds the lock');
      }
      await delay(RETRY_MS);
    }
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * SQLite would make it with the umask's mode. Synchronous and only if it is new: closing any descriptor of the file drops every lock that
 * this process has on it.
 */
function createLockFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (!hasErrorCode(error, 'EEXIST')) throw error;
  }
}
