import { type Connection, createPool, type Pool, type PoolConnection, type PoolOptions } from 'mysql2';
import type { AbandonedStatements } from './abandoned-statements.ts';
import { AnswerLimit } from './answer-limit.ts';
import { DetachedConnection, type OpenConnection } from './detached-connection.ts';
import {
  type DatabaseFailureReason,
  databaseFailureReason,
  isServerStoodDown,
  reasonOfFailure,
} from '../database-failure.ts';
import { logInAnew, type Login } from './log-in-anew.ts';
import type { MysqlOptions } from './mysql-options.ts';
import type { MysqlSessions } from './mysql-session.ts';
import { destroyConnection, endPolitely, socketOf, socketsClosed } from './mysql-sockets.ts';
import { within } from '../../runtime/deadline.ts';

/**
 * While a server accepts no writes, its connections are replaced at most this often: soon enough to find its successor, without a storm of logins
 * while there is none.
 */
const RETIRE_EVERY_MS = 250;

/** A live server kills statements within milliseconds. At shutdown, the process waits at most this long for a server that does not answer. */
const CLOSE_WITHIN_MS = 1000;

/** The pool that has a connection now. The listeners of a connection outlive its first pool. */
const POOLS = new WeakMap<PoolConnection, MysqlPool>();

/**
 * Wraps the pool that TypeORM makes, and tracks its connections. mysql2 closes a pool only by COM_QUIT on each connection, which never
 * finishes if the server does not answer. The pool hands out a connection, also to TypeORM, only after its session is set up.
 */
export class MysqlPool {
  readonly sessions: MysqlSessions;
  readonly #connections = new Map<PoolConnection, OpenConnection>();
  readonly #idle = new Set<PoolConnection>();
  readonly #used = new WeakSet<PoolConnection>();
  /** Connections that were in use when all were retired. They are closed when they are returned. */
  readonly #retired = new WeakSet<PoolConnection>();
  #retiredAtMs = -Infinity;
  readonly #options: MysqlOptions;
  readonly #abandoned: AbandonedStatements;
  readonly #limits = new WeakMap<Connection, AnswerLimit>();
  /** Keyed by the error with which the connection was given up. */
  readonly #lettingGo = new WeakMap<object, Promise<void>>();
  #inherited: DetachedConnection | undefined;
  #pool: Pool | undefined;

  /** @param inherited a connection to the same server, which becomes the first of this pool */
  constructor(
    options: MysqlOptions,
    sessions: MysqlSessions,
    abandoned: AbandonedStatements,
    inherited?: DetachedConnection,
  ) {
    this.#options = options;
    this.sessions = sessions;
    this.#abandoned = abandoned;
    this.#inherited = inherited;
  }

  readonly create = (options: PoolOptions): Pool => {
    const isForeign = this.#options.answerLimit !== Infinity;
    const pool = createPool({
      ...options,
      // A server must not read this process's files (LOAD DATA LOCAL).
      flags: ['-LOCAL_FILES'],
      // mysql2 caches a generated parser for every row shape that a server ever sends, without a limit.
      disableEval: isForeign,
      // Of the control database: one statement for each size of an append, and some more. Of a tenant: a few reads.
      maxPreparedStatements: isForeign ? 16 : 128,
    });
    pool.on('connection', (connection) => {
      this.#keep(connection, this.#limitOf(connection), performance.now());
      // Without a listener, a broken idle connection would crash the process. mysql2 removes it from the pool itself.
      connection.on('error', () => {
        POOLS.get(connection)?.forget(connection);
        socketOf(connection).destroy();
      });
      connection.on('end', () => {
        POOLS.get(connection)?.forget(connection);
      });
    });
    pool.on('acquire', (connection) => this.#idle.delete(connection));
    pool.on('release', (connection) => {
      if (this.#retired.has(connection)) this.drop(connection);
      else this.#idle.add(connection);
    });
    const getConnection = pool.getConnection.bind(pool);
    pool.getConnection = (callback) => {
      const inherited = this.#inherited;
      this.#inherited = undefined;
      if (inherited !== undefined) {
        const { user = '', password = '', database = '' } = options;
        if (password !== '') void this.#takeOver(inherited, { user, password, database }, pool, callback);
        // The driver takes an empty password for none, and would log in with that of the connection's last user.
        else
          void inherited.close().then(() => {
            pool.getConnection(callback);
          });
        return;
      }
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

  /** Takes an idle connection out of the pool. Undefined: there is none that its next user may keep for a while. */
  detach(): DetachedConnection | undefined {
    for (const connection of this.#idle) {
      const open = this.#connections.get(connection);
      if (open === undefined || this.#isTooOld(connection)) continue;
      this.forget(connection);
      return new DetachedConnection(open);
    }
    return undefined;
  }

  get pool(): Pool {
    if (this.#pool === undefined) throw new Error('the pool is made by DataSource.initialize()');
    return this.#pool;
  }

  drop(connection: PoolConnection): void {
    this.forget(connection);
    destroyConnection(connection);
  }

  /** Drops a connection whose statement may still run on the server, and has the statement killed there. */
  giveUp(connection: PoolConnection, error: object): void {
    this.drop(connection);
    this.#lettingGo.set(error, this.#endStatement(connection));
  }

  #endStatement(connection: PoolConnection): Promise<void> {
    return this.#abandoned.end(connection.threadId, this.sessions.serverRunOf(connection));
  }

  letGo(error: unknown): Promise<void> | undefined {
    return typeof error === 'object' && error !== null ? this.#lettingGo.get(error) : undefined;
  }

  /** Whether nobody has asked this before on the connection since its login. */
  isFirstUse(connection: PoolConnection): boolean {
    const isFirst = !this.#used.has(connection);
    if (isFirst) this.#used.add(connection);
    return isFirst;
  }

  /** Starts the answer limit of the connection anew. */
  restartLimit(connection: PoolConnection): void {
    this.#limits.get(connection)?.restart();
  }

  /** Returns a connection after a statement, successful or failed. */
  giveBack(connection: PoolConnection, failed: unknown): void {
    if (failed !== null) this.retireIfStoodDown(failed);
    if (failed !== null && isConnectionBroken(failed)) this.dropAfter(connection, failed);
    else if (this.#retired.has(connection)) this.drop(connection);
    else connection.release();
  }

  /**
   * Call after a failed statement of the connection's holder.
   *
   * @returns whether it was closed; then it must not be returned
   */
  dropIfBroken(connection: PoolConnection, error: unknown): boolean {
    this.retireIfStoodDown(error);
    if (!isConnectionBroken(error) && !GIVEN_UP.has(databaseFailureReason(error))) return false;
    this.dropAfter(connection, error);
    return true;
  }

  dropAfter(connection: PoolConnection, error: unknown): void {
    if (typeof error === 'object' && error !== null && GIVEN_UP.has(databaseFailureReason(error)))
      this.giveUp(connection, error);
    else this.drop(connection);
  }

  /**
   * If the server no longer accepts writes, retires all present connections. Idle ones are closed at once, so that nobody goes on reading from that
   * server.
   */
  retireIfStoodDown(error: unknown): void {
    if (!isServerStoodDown(reasonOfFailure(error) ?? databaseFailureReason(error))) return;
    const nowMs = performance.now();
    if (nowMs - this.#retiredAtMs < RETIRE_EVERY_MS) return;
    this.#retiredAtMs = nowMs;
    for (const connection of this.#connections.keys()) this.#retired.add(connection);
    for (const connection of [...this.#idle]) this.drop(connection);
  }

  #keep(connection: PoolConnection, limit: AnswerLimit, openedAtMs: number): void {
    this.#connections.set(connection, { connection, limit, openedAtMs });
    this.#limits.set(connection, limit);
    POOLS.set(connection, this);
  }

  forget(connection: PoolConnection): void {
    this.#connections.delete(connection);
    this.#idle.delete(connection);
  }

  /** Closes an idle connection. Resolves when the server has released it or does not answer in time. */
  async close(connection: PoolConnection): Promise<void> {
    const closed = socketsClosed([connection]);
    this.forget(connection);
    connection.destroy();
    await closed;
    socketOf(connection).destroy();
  }

  /** Closes all sockets. Resolves when the server has released them or does not answer in time. */
  async closeAll(): Promise<void> {
    const connections = [...this.#connections.keys()];
    const idle = new Set(this.#idle);
    const closed = socketsClosed(connections);
    // Closes idle connections by the protocol; a server logs the others as aborted.
    this.#pool?.end(() => undefined);
    for (const connection of connections) {
      this.forget(connection);
      connection.destroy();
    }
    await closed;
    for (const connection of connections) {
      if (socketOf(connection).closed) continue;
      socketOf(connection).destroy();
      if (!idle.has(connection)) void this.#endStatement(connection);
    }
    await within(CLOSE_WITHIN_MS, this.#abandoned.settled(), () => undefined);
  }

  /** Applies the answer limit before the first byte comes: mysql2 creates the connection synchronously but emits it only after the login. */
  #limitNewest(pool: Pool): void {
    const { _allConnections: all } = pool as Pool & {
      readonly _allConnections: { readonly length: number; get(index: number): PoolConnection | undefined };
    };
    const newest = all.get(all.length - 1);
    if (newest !== undefined && !this.#limits.has(newest))
      this.#limits.set(newest, new AnswerLimit(newest, this.#options.answerLimit));
  }

  #limitOf(connection: PoolConnection): AnswerLimit {
    const limit = this.#limits.get(connection);
    if (limit === undefined) throw new Error('mysql2 opened a connection without its answer limit');
    return limit;
  }

  #isTooOld(connection: PoolConnection): boolean {
    const { connectionMaxAgeMs = Infinity } = this.#options;
    if (connectionMaxAgeMs === Infinity) return false;
    return performance.now() - (this.#connections.get(connection)?.openedAtMs ?? 0) > connectionMaxAgeMs;
  }

  /** Closes by the protocol, so that the server does not log an aborted connection, and waits for the server: it counts the connection until then. */
  async #replace(connection: PoolConnection, callback: Parameters<Pool['getConnection']>[0]): Promise<void> {
    const closed = socketsClosed([connection]);
    endPolitely(connection);
    await closed;
    this.drop(connection);
    this.pool.getConnection(callback);
  }

  /**
   * Logs in anew on the connection of another database's pool. If that fails, for whatever reason, it is closed and a new one is opened: only the answer
   * to a login of its own is the server's.
   */
  async #takeOver(
    inherited: DetachedConnection,
    login: Login,
    pool: Pool,
    callback: Parameters<Pool['getConnection']>[0],
  ): Promise<void> {
    const open = inherited.moveInto(pool);
    if (open === undefined) {
      pool.getConnection(callback);
      return;
    }
    const { connection, limit, openedAtMs } = open;
    this.#keep(connection, limit, openedAtMs);
    try {
      await logInAnew(open, login, this.sessions);
    } catch (error) {
      await this.close(connection);
      pool.getConnection((refused, another) => {
        const reason = databaseFailureReason(error);
        // Not if the password is wrong: then the server refuses both.
        if (refused === null && reason !== 'connection lost')
          inherited.failed(reason === 'no answer in time' ? 'slow' : 'refused');
        callback(refused, another);
      });
      return;
    }
    callback(null, connection);
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

function isConnectionBroken(error: unknown): boolean {
  const { fatal } = error as { readonly fatal?: unknown };
  return fatal === true || databaseFailureReason(error) === 'connection lost';
}

/** Failures after which this side gives up, while the server may still run the statement. */
const GIVEN_UP: ReadonlySet<DatabaseFailureReason> = new Set([
  'no answer in time',
  'answer is too large',
  'answer is malformed',
]);
