import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * File operations that survive a power failure or a kill: a file has its old or its new content, never a part of it. Modes are 0600 for files and
 * 0700 for folders.
 */

const TEMPORARY = '.tmp';

/** @returns undefined when there is no such file */
export async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (isNotThere(error)) return undefined;
    throw error;
  }
}

/** Replaces the file atomically. The caller holds the write lock, so other temporary files in the folder were left by a killed writer. */
export async function replaceFile(file: string, content: Buffer): Promise<void> {
  const folder = dirname(file);
  await makeFolder(folder);
  await removeLeftovers(folder);
  const temporary = await writeTemporary(folder, content);
  try {
    await rename(temporary, file);
  } catch (error) {
    await unlink(temporary);
    throw error;
  }
  await syncFolder(folder);
}

/** Creates the file with its content atomically, or rejects with `EEXIST`. Never overwrites a file. */
export async function createFile(file: string, content: Buffer): Promise<void> {
  const folder = dirname(file);
  await makeFolder(folder);
  const temporary = await writeTemporary(folder, content);
  try {
    await link(temporary, file);
  } finally {
    await unlink(temporary);
  }
  await syncFolder(folder);
}

export async function removeFile(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    if (isNotThere(error)) return;
    throw error;
  }
  await syncFolder(dirname(file));
}

/** All files below a folder with this ending, relative to the folder and without the ending. Nothing if the folder does not exist. */
export async function* filesBelow(folder: string, ending: string, relative = ''): AsyncGenerator<string> {
  for (const entry of await entriesOf(join(folder, relative))) {
    const name = relative === '' ? entry.name : `${relative}/${entry.name}`;
    if (entry.isDirectory()) yield* filesBelow(folder, ending, name);
    else if (entry.name.endsWith(ending)) yield name.slice(0, -ending.length);
  }
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (isNotThere(error)) return [];
    throw error;
  }
}

/** Creates a folder and its parents, each one synced to disk in the folder above. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

async function writeTemporary(folder: string, content: Buffer): Promise<string> {
  const temporary = join(folder, `.${randomBytes(8).toString('hex')}${TEMPORARY}`);
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } catch (error) {
    await unlink(temporary);
    throw error;
  } finally {
    await handle.close();
  }
  return temporary;
}

async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (name.endsWith(TEMPORARY)) await unlink(join(folder, name));
}

/** A new name is durable only after its folder is synced. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isNotThere(error: unknown): boolean {
  return hasErrorCode(error, 'ENOENT') || hasErrorCode(error, 'ENOTDIR');
}

/** Checks the shape, not the class: an error of Node need not be an instance of this realm's Error. */
export function hasErrorCode(error: unknown, ...codes: string[]): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && codes.includes(code);
}
