import BetterSqlite3 from 'better-sqlite3';
import { constants, existsSync, statSync } from 'node:fs';
import { copyFile, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { OperatorError } from '../../errors/operator-error.ts';
import { unavailable } from '../../errors/tessera-error.ts';
import { databaseFailure } from '../database-failure.ts';

/** A copy of one SQLite database in a folder of its own (mode 0700), made so that the original's folder stays as it is. */
export interface PrivateCopy {
  readonly file: string;
  remove(): Promise<void>;
}

/** A try fails only if the log was restarted during it, or the server started or stopped. */
const TRIES = 20;

/** After this many failed tries, copying is too slow for the rate of writes, and SQLite's backup is used. */
const COPIES_OF_FILES = 3;

/** How long SQLite waits for another process that recovers the same log. */
const BUSY_MS = 2000;

/** More than a database can have, so that one backup step copies all pages in one transaction. */
const ALL_PAGES = 0x7fffffff;

/** No space, or not writable. This is about the copy; the original is only read. */
const NO_ROOM: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'SQLITE_FULL']);

const EMBEDDED_DATABASE = 'embedded database';

/** Magic number, format, page size, sequence, two salts and two checksums: https://www.sqlite.org/fileformat2.html#walformat */
const LOG_HEADER_BYTES = 32;

/**
 * Copies a database and its write-ahead log while others go on writing. A dry run needs a copy, because it must not change any file, and even opening
 * a database for reading creates `-wal` and `-shm` files.
 *
 * The database is copied first, then the log. Until the log is restarted, which changes its header, it only grows: it holds every page that a
 * checkpoint moved into the database during the copy, and readers stop at its last complete transaction. So the copies are one consistent state if
 * the log's header is the same before and after. Without a log, the database itself must be the same.
 *
 * If the log is restarted during each try, a server is writing, and SQLite's files exist anyway. Then SQLite's backup reads the database in one
 * transaction, during which the log is not restarted.
 *
 * For a missing database, the result names a file that does not exist.
 *
 * @throws TesseraError temporarily_unavailable if it cannot be read in time
 * @throws OperatorError if the folder for temporary files has no space for the copy
 */
export async function copyDatabase(original: string): Promise<PrivateCopy> {
  const folder = await temporaryFolder(original);
  const remove = () => rm(folder, { recursive: true, force: true });
  const file = join(folder, basename(original));
  try {
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      if (attempt >= COPIES_OF_FILES && isInUse(original)) await backUp(original, file);
      else if (!(await copyFiles(original, file))) continue;
      return { file, remove };
    }
    throw unavailable(EMBEDDED_DATABASE, 'it is changed too fast to be read');
  } catch (error) {
    await remove();
    throw NO_ROOM.has((error as NodeJS.ErrnoException).code ?? '') ? await noRoomFor(original, error) : error;
  }
}

async function temporaryFolder(original: string): Promise<string> {
  try {
    return await mkdtemp(join(tmpdir(), 'tessera-'));
  } catch (error) {
    throw await noRoomFor(original, error);
  }
}

/** @returns whether the copies are one consistent state; otherwise they are removed */
async function copyFiles(original: string, file: string): Promise<boolean> {
  const before = await stateOf(original);
  await copyIfThere(original, file);
  await copyIfThere(`${original}-wal`, `${file}-wal`);
  if ((await stateOf(original)) === before) return true;
  await rm(file, { force: true });
  await rm(`${file}-wal`, { force: true });
  return false;
}

/** Copying this much takes no noticeable time. The audit of a year may have many gigabytes. */
const MAX_COPIED_BYTES = 64 * 1024 * 1024;

/**
 * Whether a database is better read where it is than from a copy: another process has it open, so that reading makes no files, or it is large. Reading a
 * large one makes SQLite's extra files and removes them again.
 */
export function isReadInPlace(file: string): boolean {
  return isInUse(file) || (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > MAX_COPIED_BYTES;
}

/** Whether SQLite's extra files exist already, so that reading creates none. */
function isInUse(original: string): boolean {
  return existsSync(`${original}-wal`) && existsSync(`${original}-shm`);
}

async function backUp(original: string, file: string): Promise<void> {
  // A read-only connection leaves the log in place when it closes last.
  const source = new BetterSqlite3(original, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
  try {
    await source.backup(file, { progress: () => ALL_PAGES });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'SQLITE_FULL') throw error;
    throw databaseFailure(EMBEDDED_DATABASE, error);
  } finally {
    source.close();
  }
}

async function noRoomFor(original: string, cause: unknown): Promise<OperatorError> {
  const bytes = await stat(original).then(
    ({ size }) => size,
    () => 0,
  );
  return new OperatorError(
    `There is no space in ${tmpdir()} for a copy of ${basename(original)} (${Math.ceil(bytes / 1e6)} MB), which this command reads. Free space there, or set TMPDIR to another writable folder. Nothing was changed.`,
    { cause },
  );
}

/** A fingerprint that is unchanged as long as copies of the database and of its log fit together. */
async function stateOf(file: string): Promise<string> {
  const log = await logHeader(`${file}-wal`);
  return log === undefined ? fileState(file, ['ino', 'size', 'mtimeNs']) : `${await fileState(file, ['ino'])} ${log}`;
}

/** @returns undefined without a log or with an empty one */
async function logHeader(file: string): Promise<string | undefined> {
  try {
    const handle = await open(file, 'r');
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(LOG_HEADER_BYTES), 0, LOG_HEADER_BYTES, 0);
      return bytesRead === LOG_HEADER_BYTES ? buffer.toString('hex') : undefined;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function fileState(file: string, members: readonly ('ino' | 'size' | 'mtimeNs')[]): Promise<string> {
  try {
    const state = await stat(file, { bigint: true });
    return members.map((member) => state[member]).join(':');
  } catch (error) {
    if (isMissing(error)) return 'missing';
    throw error;
  }
}

async function copyIfThere(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
