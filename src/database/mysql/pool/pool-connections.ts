import type { PoolConnection } from 'mysql2';
import type { AbandonedStatements } from './abandoned-statements.ts';
import type { AnswerLimit } from '../answers/answer-limit.ts';
import type { OpenConnection } from './detached-connection.ts';
import {
  type DatabaseFailureReason,
  databaseFailureReason,
  isServerStoodDown,
  reasonOfFailure,
} from '../../database-failure.ts';
import type { MysqlSessions } from '../session/mysql-session.ts';
import { destroyConnection, socketOf, socketsClosed } from './mysql-sockets.ts';
import { within } from '../../../runtime/deadline.ts';

/**
 * While a server accepts no writes, its connections are replaced at most this often: soon enough to find its successor, without a storm of logins
 * while there is none.
 */
const RETIRE_EVERY_MS = 250;

/** A live server kills statements within milliseconds. At shutdown, the process waits at most this long for a server that does not answer. */
const CLOSE_WITHIN_MS = 1000;

/** Failures after which this side gives up, while the server may still run the statement. */
const GIVEN_UP: ReadonlySet<DatabaseFailureReason> = new Set([
  'no answer in time',
  'answer is too large',
  'answer is malformed',
]);

/** The pool that has a connection now. The listeners of a connection outlive its first pool. */
const OWNERS = new WeakMap<PoolConnection, PoolConnections>();

/** The open connections of a pool, and which of them end after a use. mysql2 closes a connection only by COM_QUIT, which never finishes if the server does not answer. */
export class PoolConnections {
  readonly #sessions: MysqlSessions;
  readonly #abandoned: AbandonedStatements;
  readonly #open = new Map<PoolConnection, OpenConnection>();
  readonly #idle = new Set<PoolConnection>();
  readonly #used = new WeakSet<PoolConnection>();
  /** Connections that were in use when all were retired. They are closed when they are returned. */
  readonly #retired = new WeakSet<PoolConnection>();
  #retiredAtMs = -Infinity;
  /** Keyed by the error with which the connection was given up. */
  readonly #lettingGo = new WeakMap<object, Promise<void>>();

  constructor(sessions: MysqlSessions, abandoned: AbandonedStatements) {
    this.#sessions = sessions;
    this.#abandoned = abandoned;
  }

  /** A new connection of this pool. */
  opened(connection: PoolConnection, limit: AnswerLimit): void {
    this.keep({ connection, limit, openedAtMs: performance.now() });
    // Without a listener, a broken idle connection would crash the process. mysql2 removes it from the pool itself.
    connection.on('error', () => {
      OWNERS.get(connection)?.forget(connection);
      socketOf(connection).destroy();
    });
    connection.on('end', () => {
      OWNERS.get(connection)?.forget(connection);
    });
  }

  keep(open: OpenConnection): void {
    this.#open.set(open.connection, open);
    OWNERS.set(open.connection, this);
  }

  forget(connection: PoolConnection): void {
    this.#open.delete(connection);
    this.#idle.delete(connection);
  }

  get(connection: PoolConnection): OpenConnection | undefined {
    return this.#open.get(connection);
  }

  idle(): readonly PoolConnection[] {
    return [...this.#idle];
  }

  acquired(connection: PoolConnection): void {
    this.#idle.delete(connection);
  }

  released(connection: PoolConnection): void {
    if (this.#retired.has(connection)) this.drop(connection);
    else this.#idle.add(connection);
  }

  /** True for the first who calls this on the connection since its login. */
  takeFirstUse(connection: PoolConnection): boolean {
    const isFirst = !this.#used.has(connection);
    if (isFirst) this.#used.add(connection);
    return isFirst;
  }

  /** Starts the answer limit of the connection anew. */
  restartLimit(connection: PoolConnection): void {
    this.#open.get(connection)?.limit.restart();
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

  letGo(error: unknown): Promise<void> | undefined {
    return typeof error === 'object' && error !== null ? this.#lettingGo.get(error) : undefined;
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
    for (const connection of this.#open.keys()) this.#retired.add(connection);
    for (const connection of this.idle()) this.drop(connection);
  }

  /** Closes an idle connection. Resolves when the server has released it or does not answer in time. */
  async close(connection: PoolConnection): Promise<void> {
    const closed = socketsClosed([connection]);
    this.forget(connection);
    connection.destroy();
    await closed;
    socketOf(connection).destroy();
  }

  /**
   * Closes all sockets. Resolves when the server has released them or does not answer in time.
   *
   * @param endIdle closes idle connections by the protocol; a server logs the others as aborted
   */
  async closeAll(endIdle: () => void): Promise<void> {
    const connections = [...this.#open.keys()];
    const idle = new Set(this.#idle);
    const closed = socketsClosed(connections);
    endIdle();
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

  #endStatement(connection: PoolConnection): Promise<void> {
    return this.#abandoned.end(connection.threadId, this.#sessions.serverRunOf(connection));
  }
}

function isConnectionBroken(error: unknown): boolean {
  const { fatal } = error as { readonly fatal?: unknown };
  return fatal === true || databaseFailureReason(error) === 'connection lost';
}
