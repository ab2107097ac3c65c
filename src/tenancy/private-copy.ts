import { constants } from 'node:fs';
import { copyFile, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { unavailable } from '../errors/tessera-error.ts';

/** A copy of one SQLite database in a folder of its own (mode 0700), made so that the original's folder stays as it is. */
export interface PrivateCopy {
  readonly file: string;
  remove(): Promise<void>;
}

/** Each try fails only when the log was begun anew meanwhile: once in thousands of pages for a server that writes without a pause. */
const TRIES = 20;

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
 * A database that is not there gives the name of a file that is not there.
 *
 * @throws TesseraError temporarily_unavailable when it is changed too fast to be read
 */
export async function copyDatabase(original: string): Promise<PrivateCopy> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  const file = join(folder, basename(original));
  try {
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const before = await stateOf(original);
      await copyIfThere(original, file);
      await copyIfThere(`${original}-wal`, `${file}-wal`);
      if ((await stateOf(original)) === before) return { file, remove };
      await rm(file, { force: true });
      await rm(`${file}-wal`, { force: true });
    }
    throw unavailable('embedded database', 'it is changed too fast to be read');
  } catch (error) {
    await remove();
    throw error;
  }
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
