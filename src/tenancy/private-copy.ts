import { constants } from 'node:fs';
import { copyFile, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** A copy of one SQLite database in a folder of its own (mode 0700), made so that the original's folder stays as it is. */
export interface PrivateCopy {
  readonly file: string;
  remove(): Promise<void>;
}

/** A server that writes without a pause could make every try fail; ten in a row need ten writes within a few milliseconds each. */
const TRIES = 10;

/**
 * Even opening a database for reading makes `-wal` and `-shm` files beside it; a dry run must leave no trace. So it works on a copy of
 * the database and its write-ahead log, taken again until neither file changed meanwhile.
 *
 * A database that is not there gives the name of a file that is not there.
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
    throw new Error('the database is written to without a pause');
  } catch (error) {
    await remove();
    throw error;
  }
}

async function stateOf(file: string): Promise<string> {
  const states = await Promise.all([file, `${file}-wal`].map(fileState));
  return states.join('|');
}

async function fileState(file: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(file, { bigint: true });
    return `${ino}:${size}:${mtimeNs}`;
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
