import type BetterSqlite3 from 'better-sqlite3';
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DataSource, type EntityManager } from 'typeorm';
import { Database, type Row, type SqlValue } from '../database.ts';
import { databaseFailure, databaseFailureReason } from '../database-failure.ts';
import type { DatabaseSite } from '../database-site.ts';
import { MIGRATIONS_TABLE } from '../migrations.ts';
import type { Schema } from '../schema.ts';
import { SilentLogger } from '../silent-logger.ts';

/** How long opening waits for another process that opens or recovers the same file. SQLite blocks the event loop meanwhile. */
const OPENING_TIMEOUT_MS = 1000;

/** How long a write waits for another process's write, such as a transaction of `apply`, which takes a few milliseconds. */
const BUSY_MS = 2000;
const BUSY_RETRY_MS = 5;

export interface SqliteOptions {
  readonly name: string;
  /** The tenant of the database; absent: the control database. */
  readonly tenantId?: string;
  readonly file: string;
  readonly schema: Schema;
  /** Whether to create a missing file (mode 0600, its folder 0700); otherwise a missing file is an error. */
  readonly create: boolean;
}

export async function openSqliteDatabase(options: SqliteOptions): Promise<SqliteDatabase> {
  const { file, schema } = options;
  let connection: BetterSqlite3.Database | undefined;
  try {
    const isNew = !existsSync(file);
    if (isNew && options.create) mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const dataSource = new DataSource({
      type: 'better-sqlite3',
      database: file,
      fileMustExist: !options.create,
      timeout: OPENING_TIMEOUT_MS,
      entities: [...schema.entities] as never[],
      migrations: [...schema.migrations],
      migrationsTransactionMode: 'each',
      migrationsTableName: MIGRATIONS_TABLE,
      logger: new SilentLogger(),
      prepareDatabase: (opened: BetterSqlite3.Database) => {
        connection = opened;
        // Before anything is written; SQLite gives -wal and -shm the mode of the database file.
        if (isNew) chmodSync(file, 0o600);
        opened.pragma('journal_mode = WAL');
        // With WAL, a crash of the process loses nothing. A power failure loses at most the last transactions, never consistency.
        opened.pragma('synchronous = NORMAL');
        // A checkpoint blocks the event loop while it waits for the disk, so it runs every 16 MB of log instead of every 4.
        opened.pragma('wal_autocheckpoint = 4000');
      },
    });
    await dataSource.initialize();
    if (connection === undefined) throw new Error('TypeORM did not hand over its connection');
    // From here on this class retries itself, without blocking the event loop.
    connection.pragma('busy_timeout = 0');
    return new SqliteDatabase(options, dataSource, connection);
  } catch (error) {
    connection?.close();
    throw databaseFailure(options.name, error, sqliteSite(options));
  }
}

function sqliteSite({ tenantId }: SqliteOptions): DatabaseSite {
  return tenantId === undefined ? {} : { tenantId };
}

export class SqliteDatabase extends Database {
  override readonly kind = 'sqlite';
  override readonly name: string;
  override readonly dataSource: DataSource;
  readonly #site: DatabaseSite;
  readonly #connection: BetterSqlite3.Database;
  readonly #statements = new Map<string, BetterSqlite3.Statement>();
  /** The last queued transaction. There is one connection: a statement run in between would be part of the transaction and be rolled back with it. */
  #line: Promise<unknown> | undefined;

  constructor(options: SqliteOptions, dataSource: DataSource, connection: BetterSqlite3.Database) {
    super();
    this.name = options.name;
    this.#site = sqliteSite(options);
    this.dataSource = dataSource;
    this.#connection = connection;
  }

  override async query(sql: string, parameters: readonly SqlValue[] = []): Promise<Row[]> {
    while (this.#line !== undefined) await this.#line;
    try {
      return this.#execute(sql, parameters);
    } catch (error) {
      if (databaseFailureReason(error) !== 'busy') throw databaseFailure(this.name, error, this.#site);
      // Queued like a transaction, so that two writers that wait for the lock do not starve each other.
      return this.#inLine(() => this.#patiently(() => this.#execute(sql, parameters)));
    }
  }

  override snapshot<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.#exclusively('BEGIN', work);
  }

  override transaction<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    // IMMEDIATE, because a transaction that reads first and writes later fails at once if another process wrote in between.
    return this.#exclusively('BEGIN IMMEDIATE', work);
  }

  override async runMigrations(): Promise<string[]> {
    const done = await this.transaction(() => this.dataSource.runMigrations({ transaction: 'none' }));
    return done.map(({ name }) => name);
  }

  /** Views in a file can call only SQLite's own functions. */
  override limited(select: string): string {
    return select;
  }

  /** Nothing to wait for: a statement is over when its call returns. */
  override letGo(): undefined {
    return undefined;
  }

  /** Nothing to close: there is only one connection. */
  override shrink(): Promise<void> {
    return Promise.resolve();
  }

  override async close(): Promise<void> {
    while (this.#line !== undefined) await this.#line;
    this.#statements.clear();
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }

  #execute(sql: string, parameters: readonly SqlValue[]): Row[] {
    const statement = this.#prepare(sql);
    if (statement.reader) return statement.all(...parameters) as Row[];
    statement.run(...parameters);
    return [];
  }

  /** Caches prepared statements, which are few and fixed. Statements of varying length are not cached. */
  #prepare(sql: string): BetterSqlite3.Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      if (this.#statements.size < 100) this.#statements.set(sql, statement);
    }
    return statement;
  }

  #exclusively<T>(begin: string, work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.#inLine(async () => {
      await this.#patiently(() => this.#connection.exec(begin));
      try {
        const result = await work(this.dataSource.manager);
        this.#connection.exec('COMMIT');
        return result;
      } catch (error) {
        if (this.#connection.inTransaction) this.#connection.exec('ROLLBACK');
        throw error;
      }
    });
  }

  async #inLine<T>(work: () => Promise<T>): Promise<T> {
    while (this.#line !== undefined) await this.#line;
    const running = work();
    const line = running.then(
      () => undefined,
      () => undefined,
    );
    this.#line = line;
    try {
      return await running;
    } catch (error) {
      throw databaseFailure(this.name, error, this.#site);
    } finally {
      if (this.#line === line) this.#line = undefined;
    }
  }

  /** Retries for a limited time while another process holds the lock. */
  async #patiently<T>(attempt: () => T): Promise<T> {
    const deadline = performance.now() + BUSY_MS;
    for (;;) {
      try {
        return attempt();
      } catch (error) {
        if (databaseFailureReason(error) !== 'busy' || performance.now() > deadline) throw error;
        await delay(BUSY_RETRY_MS);
      }
    }
  }
}
