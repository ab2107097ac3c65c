import { setTimeout as delay } from 'node:timers/promises';
import { within } from '../../runtime/deadline.ts';
import { reasonOfFailure } from '../database-failure.ts';
import { type MysqlConnection, type MysqlServer, withMysqlConnection } from './mysql-connection.ts';

/** So long after its own limit of time a statement that nobody could end counts no more: the server has ended it by itself. */
const MARGIN_MS = 3500;

/** A server is asked again until it says that the connection is gone. */
const ASK_AGAIN_MS = 20;

/** MariaDB waits up to 2 s for a statement that sleeps to notice its end. Who gives up sooner comes with a second connection beside the first. */
const KILL_WITHIN_MS = 3000;

/** The server did not take a connection to ask it. */
const CONNECT_AGAIN_MS = 200;

interface Abandoned {
  readonly promise: Promise<void>;
  readonly gone: () => void;
}

/**
 * Ends on the server what was given up here. A server notices a closed connection only when it writes to it: a statement that sleeps
 * or computes goes on for as long as it likes, and its connection counts.
 *
 * It takes one connection beside those of the pool, for all statements of one database together, and only while there are any.
 */
export class AbandonedStatements {
  readonly #server: MysqlServer;
  readonly #statements = new Map<number, Abandoned>();
  #isAsking = false;

  constructor({ name, host, port, username, password, timeoutMs, dangerouslyAllowPlaintext }: MysqlServer) {
    // Without its database, which may be what is broken.
    this.#server = { name, host, port, username, password, timeoutMs, dangerouslyAllowPlaintext };
  }

  /**
   * @param threadId the server's number of the connection that ran it
   * @returns resolves when the server has let go of the connection, 3.5 s after its timeout at the latest; never rejects
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

  /** Resolves when none counts any more. */
  async settled(): Promise<void> {
    await Promise.all([...this.#statements.values()].map(({ promise }) => promise));
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    while (this.#statements.size > 0) {
      try {
        await withMysqlConnection(this.#server, (connection) => this.#killAll(connection));
        // The server counts this connection a moment longer: the next one must not come beside it.
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

/** Asks the server to end the connection with its statement: a user may end its own. */
async function isGone(connection: MysqlConnection, threadId: number): Promise<boolean> {
  try {
    await connection.ask(`KILL CONNECTION ${threadId}`, [], KILL_WITHIN_MS);
    return false;
  } catch (error) {
    const reason = reasonOfFailure(error);
    if (reason === 'no such connection') return true;
    // While it runs a function that another user of the tenant owns, it is that user's: only its limit of time ends it.
    if (reason === 'connection of another user') return false;
    throw error;
  }
}
