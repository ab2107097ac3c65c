import { setTimeout as delay } from 'node:timers/promises';
import { within } from '../../runtime/deadline.ts';
import { reasonOfFailure } from '../database-failure.ts';
import { type MysqlConnection, type MysqlServer, withMysqlConnection } from './mysql-connection.ts';

/** A statement that could not be stopped no longer counts after its own time limit and this margin: the server has stopped it itself. */
const MARGIN_MS = 3500;

/** Interval between checks of whether the connection is gone. */
const ASK_AGAIN_MS = 20;

/** A sleeping statement in MariaDB may take 2 s to notice that it was killed. Giving up sooner would open a second connection in addition to the first. */
const KILL_WITHIN_MS = 3000;

/** Interval between tries to connect. */
const CONNECT_AGAIN_MS = 200;

interface Abandoned {
  readonly promise: Promise<void>;
  readonly gone: () => void;
}

/**
 * Kills statements on the server whose connection was given up here. A server notices a closed connection only when it writes to it. Until then the
 * statement may run on, and its connection counts.
 *
 * It uses one connection outside the pool for all statements of a database, only while there are any.
 */
export class AbandonedStatements {
  readonly #server: MysqlServer;
  readonly #statements = new Map<number, Abandoned>();
  #isAsking = false;

  constructor({ name, host, port, username, password, timeoutMs, dangerouslyAllowPlaintext }: MysqlServer) {
    // Connects without the database, which may be the broken part.
    this.#server = { name, host, port, username, password, timeoutMs, dangerouslyAllowPlaintext };
  }

  /**
   * @param threadId the server's id of the connection that ran the statement
   * @returns resolves when the server has released the connection, 3.5 s after its timeout at the latest; never rejects
   */
  end(threadId: number): Promise<void> {
    const known = this.#statements.get(threadId);
    if (known !== undefined) return known.promise;
    let gone: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      gone = () => {
        this.#statements.delete(threadId);
        resolve();
      };
    });
    const promise = within(this.#server.timeoutMs + MARGIN_MS, asked, gone);
    this.#statements.set(threadId, { promise, gone });
    if (!this.#isAsking) void this.#ask();
    return promise;
  }

  /** Resolves when no abandoned statement counts any more. */
  async settled(): Promise<void> {
    await Promise.all([...this.#statements.values()].map(({ promise }) => promise));
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    while (this.#statements.size > 0) {
      try {
        await withMysqlConnection(this.#server, (connection) => this.#killAll(connection));
        // The server counts this connection a moment longer. The next one must not be open at the same time.
        await delay(ASK_AGAIN_MS, undefined, { ref: false });
      } catch {
        await delay(CONNECT_AGAIN_MS, undefined, { ref: false });
      }
    }
    this.#isAsking = false;
  }

  async #killAll(connection: MysqlConnection): Promise<void> {
    while (this.#statements.size > 0) {
      for (const [threadId, { gone }] of this.#statements) if (await isGone(connection, threadId)) gone();
      if (this.#statements.size > 0) await delay(ASK_AGAIN_MS);
    }
  }
}

/** Kills the connection and its statement. A user may kill its own connections. */
async function isGone(connection: MysqlConnection, threadId: number): Promise<boolean> {
  try {
    await connection.ask(`KILL CONNECTION ${threadId}`, [], KILL_WITHIN_MS);
    return false;
  } catch (error) {
    const reason = reasonOfFailure(error);
    if (reason === 'no such connection') return true;
    // While the statement runs a function with another user as its definer, the connection belongs to that user. Only its time limit ends it.
    if (reason === 'connection of another user') return false;
    throw error;
  }
}
