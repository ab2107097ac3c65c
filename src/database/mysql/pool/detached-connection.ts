import type { Pool, PoolConnection } from 'mysql2';
import type { AnswerLimit } from '../answers/answer-limit.ts';
import { destroyConnection, endPolitely, socketOf, socketsClosed } from './mysql-sockets.ts';

/** What a pool knows about one of its connections. */
export interface OpenConnection {
  readonly connection: PoolConnection;
  readonly limit: AnswerLimit;
  /** By `performance.now()`. */
  readonly openedAtMs: number;
}

/** Whether a login was too slow, as on a server that is busy, or refused. */
export type LoginFailure = 'slow' | 'refused';

/** Internals of mysql2 that this file uses. The typings lack them. */
interface DriverPool {
  readonly _allConnections: { push(connection: PoolConnection): void };
  _removeConnection(connection: PoolConnection): void;
}

interface DriverConnection {
  _pool: Pool | null;
  _released: boolean;
}

/**
 * An idle connection that has left its pool, for the pool of another database on the same server. It still has its last session, so its next pool
 * logs in anew before anybody uses it.
 */
export class DetachedConnection {
  #open: OpenConnection | undefined;
  #failure: LoginFailure | undefined;

  /** Takes an idle connection out of its pool. */
  constructor(open: OpenConnection) {
    this.#open = open;
    const connection = open.connection as PoolConnection & DriverConnection;
    const pool = connection._pool as unknown as DriverPool | null;
    connection._pool = null;
    pool?._removeConnection(open.connection);
  }

  /** Set if the server, or a proxy before it, did not log in anew on the open connection, though it did on a new one. */
  get failure(): LoginFailure | undefined {
    return this.#failure;
  }

  failed(how: LoginFailure): void {
    this.#failure = how;
  }

  /** Moves it into its next pool, as a connection in use. Undefined: it was moved or closed before, or the server has closed it. */
  moveInto(pool: Pool): OpenConnection | undefined {
    const open = this.#take();
    if (open === undefined) return undefined;
    Object.assign(open.connection, { _pool: pool, _released: false } satisfies DriverConnection);
    (pool as unknown as DriverPool)._allConnections.push(open.connection);
    return open;
  }

  /** Closes it unless it was moved. Resolves when the server has released it or does not answer in time. */
  async close(): Promise<void> {
    const connection = this.#take()?.connection;
    if (connection === undefined) return;
    const closed = socketsClosed([connection]);
    endPolitely(connection);
    await closed;
    destroyConnection(connection);
  }

  #take(): OpenConnection | undefined {
    const open = this.#open;
    this.#open = undefined;
    return open === undefined || socketOf(open.connection).destroyed ? undefined : open;
  }
}
