import type { DatabaseName } from '../../errors/dependency-failure.ts';
import type BetterSqlite3 from 'better-sqlite3';
import { type DataSource, type EntityManager, MigrationExecutor, type QueryRunner } from 'typeorm';
import { Database, type Row, type SqlValue } from '../database.ts';
import { databaseFailure, databaseFailureReason } from '../database-failure.ts';
import type { DatabaseSite } from '../database-site.ts';
import { retryWhileBusy } from './retry-while-busy.ts';
import type { StatementQueue } from './statement-queue.ts';

export interface SqliteParts {
  readonly name: DatabaseName;
  readonly site: DatabaseSite;
  readonly connection: BetterSqlite3.Database;
  readonly queue: StatementQueue;
}

export class SqliteDatabase extends Database {
  override readonly kind = 'sqlite';
  override readonly name: DatabaseName;
  override readonly dataSource: DataSource;
  readonly #site: DatabaseSite;
  readonly #connection: BetterSqlite3.Database;
  readonly #statements = new Map<string, BetterSqlite3.Statement>();
  /** There is one connection: a statement run during a transaction would be part of it and be rolled back with it. */
  readonly #queue: StatementQueue;
  /** Runs statements immediately. The caller must hold the queue. */
  readonly #runner: QueryRunner;

  constructor({ name, site, connection, queue }: SqliteParts, dataSource: DataSource, runner: QueryRunner) {
    super();
    this.name = name;
    this.#site = site;
    this.dataSource = dataSource;
    this.#connection = connection;
    this.#queue = queue;
    this.#runner = runner;
  }

  override async query(sql: string, parameters: readonly SqlValue[] = []): Promise<Row[]> {
    while (this.#queue.last !== undefined) await this.#queue.last;
    try {
      return this.#execute(sql, parameters);
    } catch (error) {
      if (databaseFailureReason(error) !== 'busy') throw databaseFailure(this.name, error, this.#site);
      // Queued like a transaction, so that two writers that wait for the lock do not starve each other.
      return this.#queued(() => retryWhileBusy(() => this.#execute(sql, parameters)));
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
    const done = await this.transaction(() => {
      const executor = new MigrationExecutor(this.dataSource, this.#runner);
      executor.transaction = 'none';
      return executor.executePendingMigrations();
    });
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
    await this.dataSource.destroy();
    this.#statements.clear();
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
    return this.#queued(async () => {
      await retryWhileBusy(() => this.#connection.exec(begin));
      try {
        const result = await work(this.#runner.manager);
        this.#connection.exec('COMMIT');
        return result;
      } catch (error) {
        if (this.#connection.inTransaction) this.#connection.exec('ROLLBACK');
        throw error;
      }
    });
  }

  async #queued<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#queue.run(work);
    } catch (error) {
      throw databaseFailure(this.name, error, this.#site);
    }
  }
}
