import type { EntityManager } from 'typeorm';
import type { Database, Row, SqlValue } from '../../database/database.ts';
import { assertOwner } from '../../tenancy/tenant-database.ts';
import type { DirectoryRelations } from '../../tenancy/relations/directory-relations.ts';
import type { TenantId } from '../../domain/ids.ts';
import type { DirectoryState } from './directory-state.ts';
import { type Ask, readDirectory } from './read-directory.ts';

/** @param suffix of each SELECT */
export function askOn(manager: EntityManager, database: Database, relations: DirectoryRelations, suffix = ''): Ask {
  const ask = (select: string, parameters: readonly SqlValue[] = []) =>
    manager.query<Row[]>(database.limited(`${select}${suffix}`), [...parameters]);
  return Object.assign(ask, { relations });
}

/** One tenant's directory, open for reading. Made by `DirectoryOpener`. */
export class DirectoryReader {
  readonly relations: DirectoryRelations;
  protected readonly tenantId: TenantId;
  protected readonly database: Database;
  readonly #afterClose: () => Promise<void>;

  constructor(
    tenantId: TenantId,
    database: Database,
    relations: DirectoryRelations,
    afterClose: () => Promise<void> = () => Promise.resolve(),
  ) {
    this.tenantId = tenantId;
    this.database = database;
    this.relations = relations;
    this.#afterClose = afterClose;
  }

  /** Nobody but its operator changes an external directory. */
  pendingMigrations(): Promise<string[]> {
    return Promise.resolve([]);
  }

  /** @throws TesseraError `temporarily_unavailable` if it belongs to another tenant */
  read(): Promise<DirectoryState> {
    return this.readWith(readDirectory);
  }

  /**
   * Reads a part of the directory, on one snapshot. Requires the current schema.
   *
   * @throws TesseraError `temporarily_unavailable` if it belongs to another tenant
   */
  async readWith<T>(work: (ask: Ask) => Promise<T>): Promise<T> {
    await assertOwner(this.database, this.tenantId, this.relations.owner);
    return this.database.snapshot((manager) => work(askOn(manager, this.database, this.relations)));
  }

  /** Runs the queries of servers, for commands that show what a server would answer. */
  query(sql: string, parameters?: readonly SqlValue[]): Promise<Row[]> {
    return this.database.query(sql, parameters);
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.#afterClose();
  }
}
