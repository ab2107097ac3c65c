import { once } from 'node:events';
import type { Socket } from 'node:net';
import {
  type Connection,
  createPool,
  type Pool,
  type PoolConnection,
  type PoolOptions,
  type RowDataPacket,
} from 'mysql2';
import { DataSource, type EntityManager, MigrationExecutor, type QueryRunner } from 'typeorm';
import { Secret } from '../config/secret.ts';
import { causeOf, TesseraError } from '../errors/tessera-error.ts';
import { AbandonedStatements } from './abandoned-statements.ts';
import { AnswerLimit } from './answer-limit.ts';
import { Database, type Row, type SqlValue } from './database.ts';
import {
  databaseFailure,
  type DatabaseFailureReason,
  databaseFailureReason,
  isServerStoodDown,
  reasonOfFailure,
} from './database-failure.ts';
import type { DatabaseSite } from './database-site.ts';
import { MIGRATIONS_TABLE } from './migrations.ts';
import { withLiterals } from './mysql-literals.ts';
import { limitsWithin, MysqlSessions, type SessionLimits } from './mysql-session.ts';
import { type MysqlOptions, mysqlSite } from './mysql-options.ts';
import { mysqlTls } from './mysql-tls.ts';
import { SilentLogger } from './silent-logger.ts';

/** How long a server may take to close a connection that we closed. Less than a request waits for a connection. */
const GOODBYE_MS = 500;

/** A transaction of the writers is many statements; one that takes longer than this many timeouts is given up. */
const TRANSACTION_TIMEOUTS = 30;

/**
 * While a server takes no writes, all connections to it are replaced so often at most: soon enough to find its successor, and no storm of
 * logins while there is none yet.
 */
const RETIRE_EVERY_MS = 250;

/**
 * A change of a large table is one statement and takes as long as it needs. But while it waits for the table, every later
 * statement on that table waits behind it: it gives up before a running service notices much.
 */
const MIGRATION_LIMITS: SessionLimits = { statementMs: 0, lockWaitMs: 10_000 };

export async function openMysqlDatabase(options: MysqlOptions): Promise<MysqlDatabase> {
  const handle = new PoolHandle(
    new MysqlSessions(limitsWithin(options.timeoutMs), options.timeoutMs),
    new AbandonedStatements(options),
    options.answerLimit,
    options.connectionMaxAgeMs ?? Infinity,
  );
  const dataSource = new DataSource({
    type: 'mysql',
    driver: { createPool: handle.create },
    host: options.host,
    port: options.port,
    database: options.database,
    username: options.username,
    password: Secret.reveal(options.password),
    poolSize: options.poolSize,
    connectTimeout: options.timeoutMs,
    ...mysqlTls(options.host, options.dangerouslyAllowPlaintext),
    charset: 'utf8mb4',
    timezone: 'Z',
    // Whole numbers as numbers: all of ours are below 2^53.
    supportBigNumbers: true,
    bigNumberStrings: false,
    extra: { queryFormat: withLiterals },
    entities: [...options.schema.entities] as never[],
    migrations: [...options.schema.migrations],
    migrationsTransactionMode: 'each',
    migrationsTableName: MIGRATIONS_TABLE,
    logger: new SilentLogger(),
  });
  try {
    await within(options.timeoutMs, dataSource.initialize());
    return new MysqlDatabase(options, dataSource, handle);
  } catch (error) {
    void handle.closeAll();
    throw databaseFailure(options.name, error, mysqlSite(options));
  }
}

/**
 * Holds the pool that TypeORM makes, and all its connections: mysql2 closes a pool politely or not at all, and a connection whose server
 * does not answer never gets to its polite end. The pool hands out a connection, to TypeORM as to us, only after its session is set up.
 */
class PoolHandle {
  readonly sessions: MysqlSessions;
  /** With the time when each was opened, by `performance.now()`. */
  readonly #connections = new Map<PoolConnection, number>();
  readonly #idle = new Set<PoolConnection>();
  /** In use when all were retired: closed when they are given back. */
  readonly #retired = new WeakSet<PoolConnection>();
  #retiredAtMs = -Infinity;
  readonly #maxAgeMs: number;
  readonly #abandoned: AbandonedStatements;
  readonly #answerLimit: number;
  readonly #limits = new WeakMap<Connection, AnswerLimit>();
  /** By the error that a connection was given up with. */
  readonly #lettingGo = new WeakMap<object, Promise<void>>();
  #pool: Pool | undefined;

  constructor(sessions: MysqlSessions, abandoned: AbandonedStatements, answerLimit: number, maxAgeMs: number) {
    this.sessions = sessions;
    this.#abandoned = abandoned;
    this.#answerLimit = answerLimit;
    this.#maxAgeMs = maxAgeMs;
  }

  readonly create = (options: PoolOptions): Pool => {
    const pool = createPool({
      ...options,
      // No server reads this process's files.
      flags: ['-LOCAL_FILES'],
      // The driver's generated parsers are kept for every shape of row that a server ever sent.
      disableEval: this.#answerLimit !== Infinity,
    });
    pool.on('connection', (connection) => {
      this.#connections.set(connection, performance.now());
      // Without a listener a broken idle connection would end the process. mysql2 takes it out of the pool itself.
      connection.on('error', () => {
        this.#forget(connection);
        socketOf(connection).destroy();
      });
      connection.on('end', () => {
        this.#forget(connection);
      });
    });
    pool.on('acquire', (connection) => this.#idle.delete(connection));
    pool.on('release', (connection) => {
      if (this.#retired.has(connection)) this.drop(connection);
      else this.#idle.add(connection);
    });
    const getConnection = pool.getConnection.bind(pool);
    pool.getConnection = (callback) => {
      getConnection((refused, connection) => {
        if (refused !== null) callback(refused, connection);
        else if (this.#isTooOld(connection)) void this.#replace(connection, callback);
        else if (this.sessions.has(connection)) callback(null, connection);
        else this.#setUp(connection, callback);
      });
      this.#limitNewest(pool);
    };
    this.#pool = pool;
    return pool;
  };

  get pool(): Pool {
    if (this.#pool === undefined) throw new Error('the pool is made by DataSource.initialize()');
    return this.#pool;
  }

  drop(connection: PoolConnection): void {
    this.#forget(connection);
    connection.destroy();
    // That closes our half alone: the server could go on sending.
    socketOf(connection).destroy();
  }

  /** Drops a connection whose statement the server may still be running, and has that ended there. */
  giveUp(connection: PoolConnection, error: object): void {
    this.drop(connection);
    this.#lettingGo.set(error, this.#abandoned.end(connection.threadId));
  }

  letGo(error: unknown): Promise<void> | undefined {
    return typeof error === 'object' && error !== null ? this.#lettingGo.get(error) : undefined;
  }

  /** The connection's next answers may be as large as any. */
  restartLimit(connection: PoolConnection): void {
    this.#limits.get(connection)?.restart();
  }

  /** After a statement, whether it went well or not. */
  giveBack(connection: PoolConnection, failed: unknown): void {
    if (failed !== null) this.retireIfStoodDown(failed);
    if (failed !== null && isConnectionBroken(failed)) this.dropAfter(connection, failed);
    else if (this.#retired.has(connection)) this.drop(connection);
    else connection.release();
  }

  dropAfter(connection: PoolConnection, error: unknown): void {
    if (typeof error === 'object' && error !== null && GIVEN_UP.has(databaseFailureReason(error)))
      this.giveUp(connection, error);
    else this.drop(connection);
  }

  /** No connection of now is used again when the server has stood down: idle ones are closed at once, so that nobody reads there on. */
  retireIfStoodDown(error: unknown): void {
    if (!isServerStoodDown(reasonOfFailure(error) ?? databaseFailureReason(error))) return;
    const nowMs = performance.now();
    if (nowMs - this.#retiredAtMs < RETIRE_EVERY_MS) return;
    this.#retiredAtMs = nowMs;
    for (const connection of this.#connections.keys()) this.#retired.add(connection);
    for (const connection of [...this.#idle]) this.drop(connection);
  }

  #forget(connection: PoolConnection): void {
    this.#connections.delete(connection);
    this.#idle.delete(connection);
  }

  /** For a connection that is idle. Resolves when the server has let go of it, or does not answer. */
  async close(connection: PoolConnection): Promise<void> {
    const closed = socketsClosed([connection]);
    this.#forget(connection);
    connection.destroy();
    await closed;
    socketOf(connection).destroy();
  }

  /** Closes all sockets. Resolves when the server has let go of them, or does not answer. */
  async closeAll(): Promise<void> {
    const connections = [...this.#connections.keys()];
    const idle = new Set(this.#idle);
    const closed = socketsClosed(connections);
    // Says goodbye on those that are idle: a server notes the others as broken off.
    this.#pool?.end(() => undefined);
    for (const connection of connections) {
      this.#forget(connection);
      connection.destroy();
    }
    await closed;
    for (const connection of connections) {
      if (socketOf(connection).closed) continue;
      socketOf(connection).destroy();
      if (!idle.has(connection)) void this.#abandoned.end(connection.threadId);
    }
    await this.#abandoned.settled();
  }

  /** Before its first byte comes: mysql2 makes a connection within the call and announces it after the login. */
  #limitNewest(pool: Pool): void {
    const { _allConnections: all } = pool as Pool & {
      readonly _allConnections: { readonly length: number; get(index: number): PoolConnection | undefined };
    };
    const newest = all.get(all.length - 1);
    if (newest !== undefined && !this.#limits.has(newest))
      this.#limits.set(newest, new AnswerLimit(newest, this.#answerLimit));
  }

  #isTooOld(connection: PoolConnection): boolean {
    if (this.#maxAgeMs === Infinity) return false;
    return performance.now() - (this.#connections.get(connection) ?? 0) > this.#maxAgeMs;
  }

  /** Says goodbye, so that the server does not note it as broken off, and waits for it: the server counts a connection until then. */
  async #replace(connection: PoolConnection, callback: Parameters<Pool['getConnection']>[0]): Promise<void> {
    const closed = socketsClosed([connection]);
    politely(connection);
    await closed;
    this.drop(connection);
    this.pool.getConnection(callback);
  }

  #setUp(connection: PoolConnection, callback: Parameters<Pool['getConnection']>[0]): void {
    this.sessions.setUp(connection).then(
      () => {
        callback(null, connection);
      },
      (error: unknown) => {
        this.dropAfter(connection, error);
        callback(error as NodeJS.ErrnoException, connection);
      },
    );
  }
}

export class MysqlDatabase extends Database {
  override readonly kind = 'mysql';
  override readonly name: string;
  override readonly dataSource: DataSource;
  readonly #site: DatabaseSite;
  readonly #timeoutMs: number;
  readonly #handle: PoolHandle;
  readonly #isForeign: boolean;
  #closing: Promise<void> | undefined;

  constructor(options: MysqlOptions, dataSource: DataSource, handle: PoolHandle) {
    super();
    this.name = options.name;
    this.#site = mysqlSite(options);
    this.dataSource = dataSource;
    this.#timeoutMs = options.timeoutMs;
    this.#handle = handle;
    this.#isForeign = options.answerLimit !== Infinity;
  }

  /**
   * Straight to the pool's prepared statements: TypeORM's own way sends text and passes its loggers and subscribers, which costs more
   * than the query. One timer covers the wait for a connection and the answer; a connection that did not answer is closed, because
   * its late answer would hold up whoever got it next.
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
      const timer = setTimeout(() => {
        const error = noAnswer();
        if (connection !== undefined) this.#handle.giveUp(connection, error);
        end(error, []);
      }, this.#timeoutMs);
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
        this.#handle.restartLimit(acquired);
        acquired.execute<RowDataPacket[]>(
          this.#isForeign ? this.limited(sql) : sql,
          [...parameters],
          (failed, rows) => {
            if (over) return;
            this.#handle.giveBack(acquired, failed);
            end(failed, Array.isArray(rows) ? rows : []);
          },
        );
      });
    });
  }

  override limited(select: string): string {
    return this.#handle.sessions.limited(select);
  }

  override snapshot<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.#inTransaction('START TRANSACTION WITH CONSISTENT SNAPSHOT', work, this.#timeoutMs);
  }

  override transaction<T>(
    work: (manager: EntityManager) => Promise<T>,
    timeoutMs = this.#timeoutMs * TRANSACTION_TIMEOUTS,
  ): Promise<T> {
    return this.#inTransaction('START TRANSACTION', work, timeoutMs);
  }

  override async runMigrations(timeoutMs?: number): Promise<string[]> {
    const runner = this.dataSource.createQueryRunner();
    const connection = (await within(this.#timeoutMs, runner.connect())) as PoolConnection;
    try {
      this.#handle.restartLimit(connection);
      await this.#handle.sessions.limit(connection, MIGRATION_LIMITS);
      const executor = new MigrationExecutor(this.dataSource, runner);
      executor.transaction = 'each';
      const running = executor.executePendingMigrations();
      const done = await (timeoutMs === undefined ? running : within(timeoutMs, running));
      return done.map(({ name }) => name);
    } catch (error) {
      this.#handle.dropAfter(connection, error);
      throw databaseFailure(this.name, error, this.#site);
    } finally {
      // Its limits are not those of the others.
      this.#handle.drop(connection);
    }
  }

  override letGo(error: unknown): Promise<void> | undefined {
    return this.#handle.letGo(error instanceof TesseraError ? causeOf(error) : error);
  }

  override shrink(): Promise<void> {
    return new Promise((resolve) => {
      this.#handle.pool.getConnection((refused, connection) => {
        resolve(refused === null ? this.#handle.close(connection) : undefined);
      });
    });
  }

  override close(): Promise<void> {
    this.#closing ??= this.#handle.closeAll();
    return this.#closing;
  }

  async #inTransaction<T>(begin: string, work: (manager: EntityManager) => Promise<T>, timeoutMs: number): Promise<T> {
    const startedAt = performance.now();
    const runner = this.dataSource.createQueryRunner();
    const { sessions } = this.#handle;
    // The session's own limits are those of one query.
    const limits = timeoutMs > this.#timeoutMs ? limitsWithin(timeoutMs) : undefined;
    let connection: PoolConnection | undefined;
    const connecting = runner.connect().then((acquired: PoolConnection) => (connection = acquired));
    try {
      const acquired = await within(this.#timeoutMs, connecting);
      this.#handle.restartLimit(acquired);
      // What the connection took is part of the time: a reader waits no longer than for one query.
      const remainingMs = timeoutMs - (performance.now() - startedAt);
      const limited = limits === undefined ? undefined : sessions.limit(acquired, limits);
      return await within(remainingMs, commitAfter(runner, begin, work, limited));
    } catch (error) {
      this.#handle.retireIfStoodDown(error);
      // Whatever state it is in: the server rolls back when the connection goes, and nobody else gets a half-done one.
      if (connection !== undefined) this.#handle.dropAfter(connection, error);
      else
        connecting.then(
          (late) => {
            this.#handle.drop(late);
          },
          () => undefined,
        );
      connection = undefined;
      throw databaseFailure(this.name, error, this.#site);
    } finally {
      if (connection !== undefined) await this.#release(runner, limits === undefined ? undefined : connection);
    }
  }

  /** @param limited its limits were replaced: it goes back to the pool when it has its own again, and nobody waits for that */
  async #release(runner: QueryRunner, limited: PoolConnection | undefined): Promise<void> {
    if (limited === undefined) {
      await runner.release();
      return;
    }
    this.#handle.sessions.limit(limited).then(
      () => runner.release(),
      () => {
        this.#handle.drop(limited);
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

/**
 * A server counts a connection until it has seen the goodbye, and may have many to see: until then the connection's share in a budget
 * is not free.
 */
async function socketsClosed(connections: Iterable<PoolConnection>): Promise<void> {
  const sockets = [...connections].map(socketOf).filter((socket) => !socket.closed);
  const patience = new AbortController();
  const gone = Promise.all(sockets.map((socket) => once(socket, 'close', { signal: patience.signal })));
  const timer = setTimeout(() => {
    patience.abort();
  }, GOODBYE_MS);
  await gone.catch(() => undefined);
  clearTimeout(timer);
}

/** Ends the session. The `end` of a connection in a pool gives it back instead; the typings of mysql2 leave the real one out. */
function politely(connection: PoolConnection): void {
  (connection as PoolConnection & { _realEnd(done: () => void): void })._realEnd(() => undefined);
}

/** The typings of mysql2 leave it out. */
function socketOf(connection: PoolConnection): Socket {
  return (connection as PoolConnection & { readonly stream: Socket }).stream;
}

function isConnectionBroken(error: unknown): boolean {
  const { fatal } = error as { readonly fatal?: unknown };
  return fatal === true || databaseFailureReason(error) === 'connection lost';
}

/** What our side ends, while the server may still be at work. */
const GIVEN_UP: ReadonlySet<DatabaseFailureReason> = new Set([
  'no answer in time',
  'answer is too large',
  'answer is malformed',
]);

function noAnswer(): Error {
  return Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' });
}

/** Rejects when `work` takes longer; what becomes of `work` then is the caller's business. */
async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(noAnswer());
    }, timeoutMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
