import { join } from 'node:path';
import type { VaultFailure } from '../../errors/dependency-failure.ts';
import { TesseraError, unavailable } from '../../errors/tessera-error.ts';
import { filesBelow, hasErrorCode, makeFolder, readIfThere, removeFile, replaceFile } from './durable-file.ts';
import { createKeyFile, readKeyFile } from './embedded-key.ts';
import { isSealedWith, openEntry, type SealFault, type SealingKey, sealEntry } from './sealed-entry.ts';
import { parseVaultPath, type VaultFolder, type VaultPath } from '../vault-path.ts';
import { VaultConflict, type VaultEntry, VaultService } from '../vault.service.ts';
import { withWriteLock } from './write-lock.ts';

const ENDING = '.sealed';

const FAULTS: Readonly<Record<SealFault, VaultFailure>> = {
  'other key': 'the entry was sealed with another key file',
  damaged: 'the entry is damaged or was moved',
};

/**
 * The embedded secret store: one encrypted file per entry below `<dataDirectory>/vault`, the key in `<dataDirectory>/vault.key`. Server and CLI may
 * use it at the same time. Only a write creates files.
 *
 * It protects copies of the files without the key file, and it detects a changed, moved or swapped file. It cannot detect that a file was replaced by
 * an older version of itself.
 */
export class EmbeddedVault extends VaultService {
  readonly #folder: string;
  readonly #keyFile: string;
  readonly #lockFile: string;
  #key: SealingKey | undefined;

  constructor(dataDirectory: string) {
    super();
    this.#folder = join(dataDirectory, 'vault');
    this.#keyFile = join(dataDirectory, 'vault.key');
    this.#lockFile = join(dataDirectory, 'vault.lock');
  }

  override read(path: VaultPath): Promise<VaultEntry | undefined> {
    return guarded(() => this.#read(path));
  }

  override write(path: VaultPath, data: VaultEntry['data'], expectedVersion: number): Promise<number> {
    return this.#exclusively(async () => {
      const key = await this.#keyToWrite();
      const current = await this.#read(path);
      if ((current?.version ?? 0) !== expectedVersion) throw new VaultConflict();
      const version = expectedVersion + 1;
      await replaceFile(this.#file(path), sealEntry(key, path, { version, data }));
      return version;
    });
  }

  override destroy(path: VaultPath): Promise<void> {
    return this.#exclusively(() => removeFile(this.#file(path)));
  }

  override list(folder: VaultFolder): Promise<VaultPath[]> {
    return guarded(async () => {
      const paths: VaultPath[] = [];
      for await (const name of filesBelow(join(this.#folder, folder), ENDING)) {
        const path = parseVaultPath(`${folder}/${name}`);
        if (path !== undefined) paths.push(path);
      }
      return paths.sort();
    });
  }

  override check(): Promise<void> {
    return guarded(async () => {
      const key = await this.#loadKey();
      if (key !== undefined) await this.#assertKeyOfTheStore(key);
    });
  }

  override now(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** Nothing to close: no resource is held between calls. */
  async close(): Promise<void> {
    await Promise.resolve();
  }

  async #read(path: VaultPath): Promise<VaultEntry | undefined> {
    const key = this.#key ?? (await this.#loadKey());
    const sealed = await readIfThere(this.#file(path));
    if (sealed === undefined) return undefined;
    // There was no key, and therefore no entry, a moment ago: another process has just created both.
    let opened = key === undefined ? 'other key' : openEntry(key, path, sealed);
    if (opened === 'other key') {
      // The store was replaced while this process runs, for example by a restore.
      const fresh = await this.#loadKey();
      if (fresh !== undefined) opened = openEntry(fresh, path, sealed);
    }
    if (typeof opened === 'string') throw unavailable('vault', FAULTS[opened]);
    return opened;
  }

  /** @returns undefined for a store that was never written to; a store whose key is lost is refused and never gets a new key */
  async #loadKey(): Promise<SealingKey | undefined> {
    this.#key = await readKeyFile(this.#keyFile);
    if (this.#key !== undefined) return this.#key;
    if ((await this.#anyEntry()) === undefined) return undefined;
    // Read again, because another process may have created the key and the first entry in between.
    this.#key = await readKeyFile(this.#keyFile);
    if (this.#key === undefined) throw unavailable('vault', 'the key file is missing: restore it from the backup');
    return this.#key;
  }

  /** The write lock is held, so no other process creates a key now. */
  async #keyToWrite(): Promise<SealingKey> {
    this.#key = (await this.#loadKey()) ?? (await createKeyFile(this.#keyFile));
    // With a wrong key file, sealing a new entry would succeed, and the store would then have two keys.
    await this.#assertKeyOfTheStore(this.#key);
    return this.#key;
  }

  async #assertKeyOfTheStore(key: SealingKey): Promise<void> {
    const entry = await this.#anyEntry();
    if (entry !== undefined && !isSealedWith(key, entry)) throw unavailable('vault', FAULTS['other key']);
  }

  async #anyEntry(): Promise<Buffer | undefined> {
    for await (const name of filesBelow(this.#folder, ENDING)) {
      const sealed = await readIfThere(join(this.#folder, `${name}${ENDING}`));
      if (sealed !== undefined) return sealed;
    }
    return undefined;
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    return guarded(async () => {
      await makeFolder(this.#folder);
      return withWriteLock(this.#lockFile, work);
    });
  }

  #file(path: VaultPath): string {
    return join(this.#folder, `${path}${ENDING}`);
  }
}

/** Converts errors of the file system. */
async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TesseraError || error instanceof VaultConflict) throw error;
    if (hasErrorCode(error, 'ENOSPC', 'EDQUOT', 'EFBIG', 'SQLITE_FULL'))
      throw unavailable('vault', 'no space is left for its files');
    if (hasErrorCode(error, 'EACCES', 'EPERM', 'EROFS')) throw unavailable('vault', 'its files may not be accessed');
    throw unavailable('vault', 'its files cannot be read or written');
  }
}
