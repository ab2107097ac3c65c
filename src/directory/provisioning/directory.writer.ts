import type { EntityManager } from 'typeorm';
import type { Database } from '../../database/database.ts';
import { shownPath } from '../../domain/text/shown-change.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import type { DirectoryRelations } from '../../tenancy/relations/directory-relations.ts';
import { askOn, DirectoryReader } from './directory.reader.ts';
import { findChanged } from './find-changed.ts';
import { refuseForeignRelations } from './foreign-relations.ts';
import { assertOwner, readOwners } from '../../tenancy/tenant-database.ts';
import { pendingMigrations, runMigrations } from '../../database/migrations.ts';
import type { TenantId } from '../../domain/ids.ts';
import { type DirectoryChanges, type DirectoryState, EMPTY_DIRECTORY } from './directory-state.ts';
import { OwnerEntity } from './entities/grant.entity.ts';
import type { Ask } from './read-directory.ts';
import { writeDirectory } from './write-directory.ts';

/** A directory has a few small tables, but in a database that others control, a migration could take forever. */
const MIGRATION_MS = 120_000;

/** One tenant's managed directory, open for provisioning. Made by `DirectoryOpener`. */
export class DirectoryWriter extends DirectoryReader {
  readonly #underLock: <T>(work: () => Promise<T>) => Promise<T>;

  constructor(
    tenantId: TenantId,
    database: Database,
    relations: DirectoryRelations,
    underLock: <T>(work: () => Promise<T>) => Promise<T>,
    afterClose?: () => Promise<void>,
  ) {
    super(tenantId, database, relations, afterClose);
    this.#underLock = underLock;
  }

  /**
   * The names of the pending migrations.
   *
   * @throws OperatorError if tables or views of others have the names of the tables that are missing
   */
  override async pendingMigrations(): Promise<string[]> {
    const pending = await pendingMigrations(this.database);
    if (pending.length > 0) await refuseForeignRelations(this.database, this.tenantId);
    return pending;
  }

  /** Whether it is some tenant's: its tables exist, and may hold something. */
  hasContent(): Promise<boolean> {
    return this.#hasOwner();
  }

  /**
   * Migrates the directory and records its owner, under a lock that other processes respect.
   *
   * @returns the names of the migrations that ran
   * @throws TesseraError `temporarily_unavailable`, also if it belongs to another tenant; then nothing was changed
   * @throws OperatorError as `pendingMigrations`; then nothing was changed either
   */
  migrate(): Promise<string[]> {
    return this.#underLock(async () => {
      // Checked before the first table is created, so that another tenant's directory is not even migrated.
      if (await this.#hasOwner()) await assertOwner(this.database, this.tenantId);
      await this.pendingMigrations();
      const done = await runMigrations(this.database, MIGRATION_MS);
      if (!(await this.#hasOwner())) await this.#stamp();
      return done;
    });
  }

  /** @throws TesseraError `temporarily_unavailable` if it belongs to another tenant */
  override async read(): Promise<DirectoryState> {
    if (!(await this.#hasOwner())) return EMPTY_DIRECTORY;
    // Another tenant's directory is refused whatever its schema is.
    await assertOwner(this.database, this.tenantId, this.relations.owner);
    if ((await this.pendingMigrations()).length > 0) return EMPTY_DIRECTORY;
    return super.read();
  }

  /**
   * Applies all changes or none. Requires the current schema.
   *
   * @param beforeCommit runs when everything is written but not committed; if it rejects, nothing is changed
   * @throws OperatorError if somebody changed one of the entries after they were read; then nothing was changed
   */
  async apply(changes: DirectoryChanges, beforeCommit: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    await assertOwner(this.database, this.tenantId);
    const changed = await this.database.transaction(async (manager) => {
      const found = await findChanged(this.#askAndLock(manager), changes);
      if (found !== undefined) return found;
      await writeDirectory(manager, changes);
      await beforeCommit();
      return undefined;
    });
    if (changed !== undefined)
      throw new OperatorError(
        `${changed.kind} ${shownPath(`${this.tenantId}/${changed.name}`)} was changed in the tenant's database while this ran. Nothing was changed there: run the command again.`,
      );
  }

  /** On SQLite the transaction has locked the database. */
  #askAndLock(manager: EntityManager): Ask {
    return askOn(manager, this.database, this.relations, this.database.kind === 'sqlite' ? '' : ' FOR UPDATE');
  }

  async #stamp(): Promise<void> {
    await this.database.transaction((manager) =>
      manager.upsert(OwnerEntity, { tenantId: this.tenantId }, ['tenantId']),
    );
    // If two tenants claim one empty database at the same time, both find two owners, and neither gets it.
    await assertOwner(this.database, this.tenantId);
  }

  async #hasOwner(): Promise<boolean> {
    const tables = await this.database.query(
      this.database.kind === 'sqlite'
        ? "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'tessera_owner'"
        : "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'tessera_owner'",
    );
    if (tables.length === 0) return false;
    return (await readOwners(this.database)).length > 0;
  }
}
