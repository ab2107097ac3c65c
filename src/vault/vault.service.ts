import type { VaultFolder, VaultPath } from './vault-path.ts';

/** One KV version 2 entry. `data` is not validated yet: its reader parses it. */
export interface VaultEntry {
  readonly version: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * The secret store; nothing else in the service talks to Vault. There are two adapters: the embedded encrypted file store and Vault/OpenBao KV
 * version 2. One conformance suite (test/conformance) checks that both keep these promises.
 *
 * Every method rejects with `TesseraError('temporarily_unavailable')` if the store does not answer in time, is sealed, or refuses the service's
 * credentials. Errors of libraries never leave this class.
 */
export abstract class VaultService {
  /**
   * Does not cache. Frequent readers have their own cache with a maximum age.
   *
   * @returns undefined only if the store says that there is no such entry, or that its newest version is deleted. In both cases, write with
   * expectedVersion 0
   */
  abstract read(path: VaultPath): Promise<VaultEntry | undefined>;

  /**
   * Writes by check-and-set. Durable when it resolves. If it rejects as unavailable, the write may have happened: read again.
   *
   * @param expectedVersion the version from `read`, or 0 if that gave undefined: then the entry must not exist, or its newest version must be deleted
   * @returns the new version: 1 for a new entry, more after a deleted version, because the store goes on counting
   * @throws VaultConflict if the entry has another version: read again and decide again
   */
  abstract write(path: VaultPath, data: Readonly<Record<string, unknown>>, expectedVersion: number): Promise<number>;

  /** Removes an entry with all its versions. Removing a missing entry is not an error. Only for `purge`. */
  abstract destroy(path: VaultPath): Promise<void>;

  /**
   * The sorted paths of all entries below a folder, at any depth. Includes entries whose newest version is deleted, because older versions may remain
   * to be destroyed. Leaves out names that the service never makes.
   */
  abstract list(folder: VaultFolder): Promise<VaultPath[]>;

  /** Resolves if the store can serve reads now. */
  abstract check(): Promise<void>;

  /** The wall clock of the store's server, in milliseconds since the epoch, to the second; undefined for a store without a server. */
  abstract now(): Promise<number | undefined>;
}

/** Another writer changed the entry first. */
export class VaultConflict extends Error {
  constructor() {
    super('the entry was changed by another writer');
    this.name = 'VaultConflict';
  }
}
