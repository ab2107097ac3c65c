import type { DatabaseName } from '../../errors/dependency-failure.ts';
import type { PoolConnection, QueryError, RowDataPacket } from 'mysql2';
import { type DataSource, type EntityManager, MigrationExecutor, type QueryRunner } from 'typeorm';
import { causeOf, TesseraError } from '../../errors/tessera-error.ts';
import { Database, type Row, type SqlValue } from '../database.ts';
import { databaseFailure, isRolledBack } from '../database-failure.ts';
import type { DatabaseSite } from '../database-site.ts';
import type { DetachedConnection } from './pool/detached-connection.ts';
import { type MysqlOptions, mysqlSite } from './mysql-options.ts';
import type { MysqlPool } from './pool/mysql-pool.ts';
import { limitsWithin, type SessionLimits } from './session/mysql-session.ts';
import { whyFailed } from './session/node-readiness.ts';
import { answerInTime, noAnswer } from './answers/answer-in-time.ts';
import type { PoolConnections } from './pool/pool-connections.ts';
import { pauseMs, repeatConflicts } from './repeat-conflicts.ts';

/** A transaction of provisioning has many statements. It is given up after this many timeouts. */
const TRANSACTION_TIMEOUTS = 30;

/**
 * Changing a large table is one statement, which may take long. But while it waits for the table lock, every later statement on the table waits for
 * it, so the wait is short to spare a running service.
 */
const MIGRATION_LIMITS: SessionLimits = { statementMs: 0, lockWaitMs: 10_000 };

export interface MysqlSource extends DataSource {
  /** For transactions and migrations, which have their own limits. */
  createUnboundedRunner(): QueryRunner;
}

export class MysqlDatabase extends Database {
  override readonly kind = 'mysql';
  override readonly name: DatabaseName;
  override readonly dataSource: MysqlSource;
  readonly #site: DatabaseSite;
  readonly #timeoutMs: number;
  readonly #handle: MysqlPool;
  readonly #connections: PoolConnections;
  readonly #isForeign: boolean;

  constructor(options: MysqlOptions, dataSource: MysqlSource, handle: MysqlPool) {
    super();
    this.name = options.name;
    this.#site = mysqlSite(options);
    this.dataSource = dataSource;
    this.#timeoutMs = options.timeoutMs;
    this.#handle = handle;
    this.#connections = handle.connections;
    this.#isForeign = options.answerLimit !== Infinity;
  }

  /**
   * Uses the pool's prepared statements directly: TypeORM's `query` sends text and runs its loggers and subscribers, which costs more than the query.
   * The first statement on a connection to a tenant's database is text, with literals that mean the same: most such connections have only one, and
   * preparing it would be a second round trip.
   *
   * One timer covers the wait for a connection and the answer. A connection that did not answer in time is closed, because its next user would have
   * to wait for the late answer. A statement that was undone because of another writer is repeated: it is a transaction of its own.
   */
  override query(sql: string, parameters: readonly SqlValue[] = []): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      let connection: PoolConnection | undefined;
      let over = false;
      const end = (error: unknown, rows: Row[]): void => {
        over = true;
        clearTimeout(timer);
        if (error === null) resolve(rows);
        else reject(databaseFailure(this.name, error, this.#site));
      };
      const giveUp = (): void => {
        if (over) return;
        const error = noAnswer();
        if (connection !== undefined) this.#connections.giveUp(connection, error);
        end(error, []);
      };
      // As in `answerInTime`: an answer that came while this process was busy is read first.
      const timer = setTimeout(setImmediate, this.#timeoutMs, giveUp);
      this.#handle.pool.getConnection((refused, acquired) => {
        if (over) {
          if (refused === null) acquired.release();
          return;
        }
        if (refused !== null) {
          end(refused, []);
          return;
        }
        connection = acquired;
        this.#connections.restartLimit(acquired);
        const statement = this.#isForeign ? this.limited(sql) : sql;
        const ask = (attempt: number): void => {
          if (over) return;
          const answered = (failed: QueryError | null, rows: RowDataPacket[]): void => {
            if (over) return;
            // The timer ends this, too.
            if (failed !== null && isRolledBack(failed)) {
              setTimeout(ask, pauseMs(attempt), attempt + 1);
              return;
            }
            if (failed === null) {
              this.#connections.giveBack(acquired, null);
              end(null, Array.isArray(rows) ? rows : []);
              return;
            }
            whyFailed(acquired, failed, (error) => {
              if (over) return;
              this.#connections.giveBack(acquired, error);
              end(error, []);
            });
          };
          if (this.#isForeign && this.#connections.takeFirstUse(acquired))
            acquired.query<RowDataPacket[]>(statement, [...parameters], answered);
          else acquired.execute<RowDataPacket[]>(statement, [...parameters], answered);
        };
        ask(1);
      });
    });
  }

  override limited(select: string): string {
    return this.#handle.sessions.limited(select);
  }

  override snapshot<T>(work: (manager: EntityManager) => Promise<T>, timeoutMs: number = this.#timeoutMs): Promise<T> {
    return this.#inTransaction('START TRANSACTION WITH CONSISTENT SNAPSHOT', work, timeoutMs);
  }

  override transaction<T>(
    work: (manager: EntityManager) => Promise<T>,
    timeoutMs = this.#timeoutMs * TRANSACTION_TIMEOUTS,
  ): Promise<T> {
    return repeatConflicts(timeoutMs, (leftMs) => this.#inTransaction('START TRANSACTION', work, leftMs));
  }

  override async runMigrations(timeoutMs?: number): Promise<string[]> {
    const runner = this.dataSource.createUnboundedRunner();
    const connection = await this.#connect(runner);
    try {
      this.#connections.restartLimit(connection);
      await this.#handle.sessions.limit(connection, MIGRATION_LIMITS);
      const executor = new MigrationExecutor(this.dataSource, runner);
      executor.transaction = 'each';
      const running = executor.executePendingMigrations();
      const done = await (timeoutMs === undefined ? running : answerInTime(timeoutMs, running));
      return done.map(({ name }) => name);
    } catch (error) {
      this.#connections.dropAfter(connection, error);
      throw databaseFailure(this.name, error, this.#site);
    } finally {
      // The connection's session limits differ from those of the pool, so it is closed instead of being returned.
      this.#connections.drop(connection);
    }
  }

  override letGo(error: unknown): Promise<void> | undefined {
    return this.#connections.letGo(error instanceof TesseraError ? causeOf(error) : error);
  }

  override shrink(): Promise<void> {
    return new Promise((resolve) => {
      this.#handle.pool.getConnection((refused, connection) => {
        resolve(refused === null ? this.#connections.close(connection) : undefined);
      });
    });
  }

  override detach(): DetachedConnection | undefined {
    return this.#handle.detach();
  }

  override close(): Promise<void> {
    return this.dataSource.destroy();
  }

  async #inTransaction<T>(begin: string, work: (manager: EntityManager) => Promise<T>, timeoutMs: number): Promise<T> {
    const startedAt = performance.now();
    const runner = this.dataSource.createUnboundedRunner();
    const { sessions } = this.#handle;
    // By default a session has the limits of one query.
    const limits = timeoutMs > this.#timeoutMs ? limitsWithin(timeoutMs) : undefined;
    let connection: PoolConnection | undefined = await this.#connect(runner);
    try {
      this.#connections.restartLimit(connection);
      // The time for getting the connection counts: a read waits no longer than one query may take.
      const remainingMs = timeoutMs - (performance.now() - startedAt);
      const limited = limits === undefined ? undefined : sessions.limit(connection, limits);
      return await answerInTime(remainingMs, commitAfter(runner, begin, work, limited));
    } catch (error) {
      this.#connections.retireIfStoodDown(error);
      // Dropped, whatever its state: the server rolls back when the connection closes, and nobody gets a connection with an open transaction.
      this.#connections.dropAfter(connection, error);
      connection = undefined;
      throw databaseFailure(this.name, error, this.#site);
    } finally {
      if (connection !== undefined) await this.#release(runner, limits === undefined ? undefined : connection);
    }
  }

  /** A connection that comes too late is dropped, because its caller has given up. */
  async #connect(runner: QueryRunner): Promise<PoolConnection> {
    const connecting = runner.connect() as Promise<PoolConnection>;
    try {
      return await answerInTime(this.#timeoutMs, connecting);
    } catch (error) {
      this.#connections.retireIfStoodDown(error);
      connecting.then(
        (late) => {
          this.#connections.drop(late);
        },
        () => undefined,
      );
      throw databaseFailure(this.name, error, this.#site);
    }
  }

  /** @param limited a connection whose limits were replaced: it is returned to the pool, in the background, after its limits are restored */
  async #release(runner: QueryRunner, limited: PoolConnection | undefined): Promise<void> {
    if (limited === undefined) {
      await runner.release();
      return;
    }
    this.#handle.sessions.limit(limited).then(
      () => runner.release(),
      () => {
        this.#connections.drop(limited);
      },
    );
  }
}

async function commitAfter<T>(
  runner: QueryRunner,
  begin: string,
  work: (manager: EntityManager) => Promise<T>,
  limited: Promise<void> | undefined,
): Promise<T> {
  await limited;
  await runner.query(begin);
  const result = await work(runner.manager);
  await runner.query('COMMIT');
  return result;
}
