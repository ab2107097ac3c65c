import BetterSqlite3 from 'better-sqlite3';
import { constants, existsSync } from 'node:fs';
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

/** Each try fails only when the log was begun anew meanwhile, or the server starts or stops. */
const TRIES = 20;

/** Above this number of failed tries a large file is copied too slowly for what is written to it: SQLite itself reads it then. */
const COPIES_OF_FILES = 3;

/** How long SQLite waits for another process that recovers the same log. */
const BUSY_MS = 2000;

/** More than a database can have: one step of a backup copies them all, and so in one transaction. */
const ALL_PAGES = 0x7fffffff;

/** No room, or none that may be written: of the copy, as the original is only read. */
const NO_ROOM: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'SQLITE_FULL']);

const EMBEDDED_DATABASE = 'embedded database';

/** Magic number, format, page size, sequence, two salts and two checksums: https://www.sqlite.org/fileformat2.html#walformat */
const LOG_HEADER_BYTES = 32;

/**
 * Even opening a database for reading makes `-wal` and `-shm` files beside it; a dry run must leave no trace. So it works on a copy of
 * the database and its write-ahead log, while others go on writing.
 *
 * The database is copied first, then the log. Until the log is begun anew, which gives it another header, it only grows: it holds every page
 * that was moved from it into the database while that was copied, and its reader goes by its last whole transaction. So the two are one state of
 * the database when the log's header is the same before and after; without a log, when the database is.
 *
 * When the log is begun anew during each try, a server is writing, and SQLite's files are there anyway: then SQLite's backup reads the database
 * in one transaction, during which the log is not begun anew.
 *
 * A database that is not there gives the name of a file that is not there.
 *
 * @throws TesseraError temporarily_unavailable when it cannot be read in time
 * @throws OperatorError when the folder for temporary files has no room for the copy
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

/** @returns whether the copies belong together; those that do not are removed */
async function copyFiles(original: string, file: string): Promise<boolean> {
  const before = await stateOf(original);
  await copyIfThere(original, file);
  await copyIfThere(`${original}-wal`, `${file}-wal`);
  if ((await stateOf(original)) === before) return true;
  await rm(file, { force: true });
  await rm(`${file}-wal`, { force: true });
  return false;
}

/** Whether SQLite's files are beside it, so that it makes none to read it. */
function isInUse(original: string): boolean {
  return existsSync(`${original}-wal`) && existsSync(`${original}-shm`);
}

async function backUp(original: string, file: string): Promise<void> {
  // Without the right to write, the last one to close leaves the log where it is.
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
    `There is no room in ${tmpdir()} for a copy of ${basename(original)} (${Math.ceil(bytes / 1e6)} MB), which this command reads. Make room there, or let TMPDIR name another folder that may be written. Nothing was changed.`,
    { cause },
  );
}

/** What stays the same as long as a copy of the database and one of its log belong together. */
async function stateOf(file: string): Promise<string> {
  const log = await logHeader(`${file}-wal`);
  return log === undefined ? fileState(file, ['ino', 'size', 'mtimeNs']) : `${await fileState(file, ['ino'])} ${log}`;
}

/** @returns undefined without a log, and for one in which nothing was written yet */
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
