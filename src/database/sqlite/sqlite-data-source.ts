import type { DatabaseName } from '../../errors/dependency-failure.ts';
import type BetterSqlite3 from 'better-sqlite3';
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { QueryRunner } from 'typeorm';
import { BoundedDataSource } from '../bounded-data-source.ts';
import { databaseFailure } from '../database-failure.ts';
import type { DatabaseSite } from '../database-site.ts';
import { MIGRATIONS_TABLE } from '../migrations.ts';
import type { Schema } from '../schema.ts';
import { SilentLogger } from '../silent-logger.ts';
import { tablePrefixOptions } from '../table-prefix.ts';
import { queueRunner } from './queued-query-runner.ts';
import { SqliteDatabase } from './sqlite-database.ts';
import { StatementQueue } from './statement-queue.ts';

/** How long opening waits for another process that opens or recovers the same file. SQLite blocks the event loop meanwhile. */
const OPENING_TIMEOUT_MS = 1000;

/** A checkpoint blocks the event loop while it waits for the disk, so it runs every 16 MB of log instead of every 4. */
export const AUTOCHECKPOINT_PAGES = 4000;

export interface SqliteOptions {
  readonly name: DatabaseName;
  /** The tenant of the database; absent: the control database. */
  readonly tenantId?: string;
  readonly file: string;
  readonly schema: Schema;
  /** Whether to create a missing file (mode 0600, its folder 0700); otherwise a missing file is an error. */
  readonly create: boolean;
  /**
   * Refuses every write. Such a connection leaves the `-wal` and `-shm` files that it had to make, so it is for files that another process has open.
   */
  readonly readOnly?: boolean;
}

/** The DataSource of a SQLite file. */
export class SqliteDataSource extends BoundedDataSource<SqliteDatabase> {
  readonly #options: SqliteOptions;
  readonly #site: DatabaseSite;
  /** Shared with TypeORM's options, which are made before this object is. */
  readonly #file: { isNew: boolean; connection: BetterSqlite3.Database | undefined };
  readonly #queue = new StatementQueue();
  #closing: Promise<void> | undefined;

  constructor(options: SqliteOptions) {
    const { file, schema } = options;
    const state: { isNew: boolean; connection: BetterSqlite3.Database | undefined } = {
      isNew: false,
      connection: undefined,
    };
    super(options.name, {
      type: 'better-sqlite3',
      database: file,
      fileMustExist: !options.create,
      readonly: options.readOnly === true,
      timeout: OPENING_TIMEOUT_MS,
      entities: [...schema.entities] as never[],
      migrations: [...schema.migrations],
      ...tablePrefixOptions(schema),
      migrationsTransactionMode: 'each',
      migrationsTableName: MIGRATIONS_TABLE,
      logger: new SilentLogger(),
      prepareDatabase: (opened: BetterSqlite3.Database) => {
        state.connection = opened;
        if (options.readOnly === true) return;
        // Before anything is written; SQLite gives -wal and -shm the mode of the database file.
        if (state.isNew) chmodSync(file, 0o600);
        opened.pragma('journal_mode = WAL');
        // With WAL, a crash of the process loses nothing. A power failure loses at most the last transactions, never consistency.
        opened.pragma('synchronous = NORMAL');
        opened.pragma(`wal_autocheckpoint = ${AUTOCHECKPOINT_PAGES}`);
      },
    });
    this.#options = options;
    this.#site = options.tenantId === undefined ? {} : { tenantId: options.tenantId };
    this.#file = state;
  }

  override createQueryRunner(): QueryRunner {
    return queueRunner(this.createUnqueuedRunner(), this.#queue, this.#options.name, this.#site);
  }

  /** For `SqliteDatabase`, which holds the queue itself. */
  createUnqueuedRunner(): QueryRunner {
    // TypeORM's driver gives all callers one runner, and with it the state of its transaction.
    Object.assign(this.driver, { queryRunner: undefined });
    return super.createQueryRunner();
  }

  override destroy(): Promise<void> {
    this.#closing ??= this.#close().finally(() => (this.#closing = undefined));
    return this.#closing;
  }

  async #close(): Promise<void> {
    while (this.#queue.last !== undefined) await this.#queue.last;
    this.forget();
  }

  protected override async connect(): Promise<void> {
    const { file, create, name } = this.#options;
    try {
      this.#file.isNew = !existsSync(file);
      if (this.#file.isNew && create) mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      await this.initializeTypeOrm();
      const { connection } = this.#file;
      if (connection === undefined) throw new Error('TypeORM did not hand over its connection');
      // From here on `retryWhileBusy` retries, without blocking the event loop.
      connection.pragma('busy_timeout = 0');
      const parts = { name, site: this.#site, connection, queue: this.#queue };
      this.keep(new SqliteDatabase(parts, this, this.createUnqueuedRunner()));
    } catch (error) {
      this.forget();
      throw databaseFailure(name, error, this.#site);
    }
  }

  protected override forget(): void {
    this.#file.connection?.close();
    this.#file.connection = undefined;
    super.forget();
  }
}

export function openSqliteDatabase(options: SqliteOptions): Promise<SqliteDatabase> {
  return new SqliteDataSource(options).open();
}
