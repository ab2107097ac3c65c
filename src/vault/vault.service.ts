import type { VaultFolder, VaultPath } from './vault-path.ts';

/** One KV version 2 entry. `data` is what the store holds, not yet trusted: its reader parses it. */
export interface VaultEntry {
  readonly version: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * The door to the secret store; the only thing in the service that speaks to Vault. Two adapters: the embedded encrypted file
 * store and Vault/OpenBao KV version 2. One conformance suite (test/conformance) holds both to what is written here.
 *
 * Every method rejects with `TesseraError('temporarily_unavailable')` when the store does not answer in time, is sealed, or refuses
 * the service's own credentials. Nothing that a foreign library threw passes this door.
 */
export abstract class VaultService {
  /**
   * Nothing is kept in memory here: whoever reads often keeps what it read, for an age that it states.
   *
   * @returns undefined only when the store said that there is no such entry, or that its newest version is deleted. One answer for
   * both: whoever gets it writes with expectedVersion 0
   */
  abstract read(path: VaultPath): Promise<VaultEntry | undefined>;

  /**
   * Check-and-set. Durable when it resolves. When it rejects as unavailable it may have happened all the same: read again.
   *
   * @param expectedVersion the version that `read` gave; 0 when it gave undefined: the entry must not exist, or its newest version must be
   * deleted
   * @returns the new version: 1 for a new entry, more after a deleted version, for the store goes on counting there
   * @throws VaultConflict when the entry is at another version: read again and decide again
   */
  abstract write(path: VaultPath, data: Readonly<Record<string, unknown>>, expectedVersion: number): Promise<number>;

  /** Removes an entry with all its versions. Removing what is not there is no error. For `purge` alone. */
  abstract destroy(path: VaultPath): Promise<void>;

  /**
   * The paths of all entries below a folder, at any depth, sorted. An entry whose newest version is deleted may be among them, because
   * older versions of it are still there to be destroyed; names that the service never makes are not.
   */
  abstract list(folder: VaultFolder): Promise<VaultPath[]>;

  /** Resolves when the store can serve reads now. */
  abstract check(): Promise<void>;
}

/** Another writer came first. */
export class VaultConflict extends Error {
  constructor() {
    super('the entry was changed by another writer');
    this.name = 'VaultConflict';
  }
}
