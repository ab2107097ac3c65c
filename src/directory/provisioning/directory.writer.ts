import type { Database, Row, SqlValue } from '../../database/database.ts';
import { assertOwner, readOwners } from '../../tenancy/tenant-database.ts';
import { pendingMigrations, runMigrations } from '../../database/migrations.ts';
import type { TenantId } from '../../domain/ids.ts';
import { type DirectoryChanges, type DirectoryState, EMPTY_DIRECTORY } from './directory-state.ts';
import { OwnerEntity } from './entities/grant.entity.ts';
import { type Ask, readDirectory } from './read-directory.ts';
import { writeDirectory } from './write-directory.ts';

/** A directory has a few small tables, but in a database that others control, a migration could take forever. */
const MIGRATION_MS = 120_000;

/** One tenant's directory, open for provisioning. Made by `DirectoryOpener`. */
export class DirectoryWriter {
  readonly #tenantId: TenantId;
  readonly #database: Database;
  readonly #underLock: <T>(work: () => Promise<T>) => Promise<T>;
  readonly #afterClose: () => Promise<void>;

  constructor(
    tenantId: TenantId,
    database: Database,
    underLock: <T>(work: () => Promise<T>) => Promise<T>,
    afterClose: () => Promise<void> = () => Promise.resolve(),
  ) {
    this.#tenantId = tenantId;
    this.#database = database;
    this.#underLock = underLock;
    this.#afterClose = afterClose;
  }

  pendingMigrations(): Promise<string[]> {
    return pendingMigrations(this.#database);
  }

  /**
   * Migrates the directory and records its owner, under a lock that other processes respect.
   *
   * @returns the names of the migrations that ran
   * @throws TesseraError `temporarily_unavailable`, also if it belongs to another tenant; then nothing was changed
   */
  migrate(): Promise<string[]> {
    return this.#underLock(async () => {
      // Checked before the first table is created, so that another tenant's directory is not even migrated.
      if (await this.#hasOwner()) await assertOwner(this.#database, this.#tenantId);
      const done = await runMigrations(this.#database, MIGRATION_MS);
      if (!(await this.#hasOwner())) await this.#stamp();
      return done;
    });
  }

  /** @throws TesseraError `temporarily_unavailable` if it belongs to another tenant */
  async read(): Promise<DirectoryState> {
    if ((await this.pendingMigrations()).length > 0 || !(await this.#hasOwner())) return EMPTY_DIRECTORY;
    return this.readWith(readDirectory);
  }

  /**
   * Reads a part of the directory, on one snapshot. Requires the current schema.
   *
   * @throws TesseraError `temporarily_unavailable` if it belongs to another tenant
   */
  async readWith<T>(work: (ask: Ask) => Promise<T>): Promise<T> {
    await assertOwner(this.#database, this.#tenantId);
    return this.#database.snapshot((manager) =>
      work((select, parameters = []) => manager.query<Row[]>(this.#database.limited(select), [...parameters])),
    );
  }

  /** Runs the queries of servers, for commands that show what a server would answer. */
  query(sql: string, parameters?: readonly SqlValue[]): Promise<Row[]> {
    return this.#database.query(sql, parameters);
  }

  /**
   * Applies all changes or none. Requires the current schema.
   *
   * @param beforeCommit runs when everything is written but not committed; if it rejects, nothing is changed
   */
  async apply(changes: DirectoryChanges, beforeCommit: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    await assertOwner(this.#database, this.#tenantId);
    await this.#database.transaction(async (manager) => {
      await writeDirectory(manager, changes);
      await beforeCommit();
    });
  }

  async close(): Promise<void> {
    await this.#database.close();
    await this.#afterClose();
  }

  async #stamp(): Promise<void> {
    await this.#database.transaction((manager) =>
      manager.upsert(OwnerEntity, { tenantId: this.#tenantId }, ['tenantId']),
    );
    // If two tenants claim one empty database at the same time, both find two owners, and neither gets it.
    await assertOwner(this.#database, this.#tenantId);
  }

  async #hasOwner(): Promise<boolean> {
    const tables = await this.#database.query(
      this.#database.kind === 'sqlite'
        ? "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'tessera_owner'"
        : "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'tessera_owner'",
    );
    if (tables.length === 0) return false;
    return (await readOwners(this.#database)).length > 0;
  }
}
