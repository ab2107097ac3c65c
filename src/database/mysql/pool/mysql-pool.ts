import { type Connection, createPool, type Pool, type PoolConnection, type PoolOptions } from 'mysql2';
import type { AbandonedStatements } from './abandoned-statements.ts';
import { AnswerLimit } from '../answers/answer-limit.ts';
import { DetachedConnection } from './detached-connection.ts';
import { databaseFailureReason } from '../../database-failure.ts';
import { logInAnew, type Login } from './log-in-anew.ts';
import type { MysqlOptions } from '../mysql-options.ts';
import type { MysqlSessions } from '../session/mysql-session.ts';
import { endPolitely, socketsClosed } from './mysql-sockets.ts';
import { whyFailed } from '../session/node-readiness.ts';
import { PoolConnections } from './pool-connections.ts';
import { PREPARED_STATEMENTS } from './prepared-statements.ts';

/**
 * Wraps the pool that TypeORM makes. The pool hands out a connection, also to TypeORM, only after its session is set up, and never one that is too old.
 */
export class MysqlPool {
  readonly sessions: MysqlSessions;
  readonly connections: PoolConnections;
  readonly #options: MysqlOptions;
  readonly #limits = new WeakMap<Connection, AnswerLimit>();
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
    this.connections = new PoolConnections(sessions, abandoned);
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
      maxPreparedStatements: isForeign ? PREPARED_STATEMENTS.tenant : PREPARED_STATEMENTS.control,
    });
    pool.on('connection', (connection) => {
      this.connections.opened(connection, this.#limitOf(connection));
    });
    pool.on('acquire', (connection) => {
      this.connections.acquired(connection);
    });
    pool.on('release', (connection) => {
      this.connections.released(connection);
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

  get pool(): Pool {
    if (this.#pool === undefined) throw new Error('the pool is made by DataSource.initialize()');
    return this.#pool;
  }

  /** Takes an idle connection out of the pool. Undefined: there is none that its next user may keep for a while. */
  detach(): DetachedConnection | undefined {
    for (const connection of this.connections.idle()) {
      const open = this.connections.get(connection);
      if (open === undefined || this.#isTooOld(connection)) continue;
      this.connections.forget(connection);
      return new DetachedConnection(open);
    }
    return undefined;
  }

  /** Closes all sockets. Resolves when the server has released them or does not answer in time. */
  closeAll(): Promise<void> {
    return this.connections.closeAll(() => this.#pool?.end(() => undefined));
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
    return performance.now() - (this.connections.get(connection)?.openedAtMs ?? 0) > connectionMaxAgeMs;
  }

  /** Closes by the protocol, so that the server does not log an aborted connection, and waits for the server: it counts the connection until then. */
  async #replace(connection: PoolConnection, callback: Parameters<Pool['getConnection']>[0]): Promise<void> {
    const closed = socketsClosed([connection]);
    endPolitely(connection);
    await closed;
    this.connections.drop(connection);
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
    const { connection, limit } = open;
    this.connections.keep(open);
    this.#limits.set(connection, limit);
    try {
      await logInAnew(open, login, this.sessions);
    } catch (error) {
      await this.connections.close(connection);
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
      (failed: unknown) => {
        whyFailed(connection, failed, (error) => {
          this.connections.dropAfter(connection, error);
          callback(error as NodeJS.ErrnoException, connection);
        });
      },
    );
  }
}
