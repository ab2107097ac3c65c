import Database from 'better-sqlite3';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { unavailable } from '../../errors/tessera-error.ts';
import { hasErrorCode } from './durable-file.ts';

const RETRY_MS = 10;
// A write takes a few milliseconds. After two seconds, another writer is stuck; the caller has three seconds in all.
const MAX_TRIES = 200;

/**
 * Allows one writer at a time among all processes of this machine, by SQLite's file lock. The operating system releases it if its holder is killed; a
 * plain lock file would stay.
 *
 * @throws TesseraError `temporarily_unavailable` if another writer holds it for two seconds
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
        // The file stores nothing. Without this, the first lock of an empty file writes a journal, which fails on a full disk.
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
 * SQLite would create it with the umask's mode. Synchronous, and only for a new file: closing any descriptor of the file drops every lock that this
 * process has on it.
 */
function createLockFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (!hasErrorCode(error, 'EEXIST')) throw error;
  }
}
