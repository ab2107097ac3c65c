import { type Connection, createPool, type Pool, type PoolConnection, type PoolOptions } from 'mysql2';
import type { AbandonedStatements } from './abandoned-statements.ts';
import { AnswerLimit } from './answer-limit.ts';
import {
  type DatabaseFailureReason,
  databaseFailureReason,
  isServerStoodDown,
  reasonOfFailure,
} from '../database-failure.ts';
import type { MysqlSessions } from './mysql-session.ts';
import { destroyConnection, endPolitely, socketOf, socketsClosed } from './mysql-sockets.ts';
import { within } from '../../runtime/deadline.ts';

/**
 * While a server takes no writes, all connections to it are replaced so often at most: soon enough to find its successor, and no storm of
 * logins while there is none yet.
 */
const RETIRE_EVERY_MS = 250;

/** A server that answers ends statements within milliseconds; for one that does not, a process that ends has no more time than this. */
const CLOSE_WITHIN_MS = 1000;

/**
 * Holds the pool that TypeORM makes, and all its connections: mysql2 closes a pool politely or not at all, and a connection whose server
 * does not answer never gets to its polite end. The pool hands out a connection, to TypeORM as to us, only after its session is set up.
 */
export class MysqlPool {
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
    destroyConnection(connection);
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
    await within(CLOSE_WITHIN_MS, this.#abandoned.settled(), () => undefined);
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
    endPolitely(connection);
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
