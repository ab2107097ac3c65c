import { setTimeout as delay } from 'node:timers/promises';
import { within } from '../../../runtime/deadline.ts';
import { reasonOfFailure } from '../../database-failure.ts';
import { type MysqlConnection, type MysqlServer, withMysqlConnection } from '../mysql-connection.ts';
import type { ServerRun } from '../session/server-run.ts';

/** A statement that could not be stopped no longer counts after its own time limit and this margin: the server has stopped it itself. */
const MARGIN_MS = 3500;

/** Interval between checks of whether the connection is gone. */
const ASK_AGAIN_MS = 20;

/** A sleeping statement in MariaDB may take 2 s to notice that it was killed. Giving up sooner would open a second connection in addition to the first. */
const KILL_WITHIN_MS = 3000;

/** Interval between tries to reach the server of a statement. */
const CONNECT_AGAIN_MS = 200;

interface Abandoned {
  readonly connectionId: number;
  readonly serverRun: ServerRun;
  readonly promise: Promise<void>;
  readonly gone: () => void;
}

/**
 * Kills statements on the server whose connection was given up here. A server notices a closed connection only when it writes to it. Until then the
 * statement may run on, and its connection counts.
 *
 * Another server may answer at the address now, or the same one after a restart, on which the connection's id is that of a connection in use. So a
 * statement is killed only in the run of the server that began it.
 *
 * It uses one connection outside the pool for all statements of a database, only while there are any.
 */
export class AbandonedStatements {
  readonly #server: MysqlServer;
  readonly #statements = new Map<string, Abandoned>();
  #isAsking = false;

  constructor({ name, host, port, username, password, timeoutMs, dangerouslyAllowPlaintext }: MysqlServer) {
    // Connects without the database, which may be the broken part.
    this.#server = { name, host, port, username, password, timeoutMs, dangerouslyAllowPlaintext };
  }

  /**
   * @param connectionId the server's id of the connection that ran the statement
   * @param serverRun of that connection; undefined: unknown, so that nothing is killed
   * @returns resolves when the server has released the connection, 3.5 s after its timeout at the latest; never rejects
   */
  end(connectionId: number, serverRun: ServerRun | undefined): Promise<void> {
    const endsItselfMs = this.#server.timeoutMs + MARGIN_MS;
    if (serverRun === undefined) return delay(endsItselfMs, undefined, { ref: false });
    const key = `${connectionId}|${serverRun}`;
    const known = this.#statements.get(key);
    if (known !== undefined) return known.promise;
    let gone: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      gone = () => {
        this.#statements.delete(key);
        resolve();
      };
    });
    const promise = within(endsItselfMs, asked, gone);
    this.#statements.set(key, { connectionId, serverRun, promise, gone });
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
        // The server counts this connection a moment longer. The next one must not be open at the same time. What is left runs on another server.
        await delay(this.#statements.size > 0 ? CONNECT_AGAIN_MS : ASK_AGAIN_MS, undefined, { ref: false });
      } catch {
        await delay(CONNECT_AGAIN_MS, undefined, { ref: false });
      }
    }
    this.#isAsking = false;
  }

  /** Kills those of the run that the connection leads to, until none is left. */
  async #killAll(connection: MysqlConnection): Promise<void> {
    const here = () => [...this.#statements.values()].filter(({ serverRun }) => serverRun === connection.serverRun);
    while (here().length > 0) {
      for (const { connectionId, gone } of here()) if (await isGone(connection, connectionId)) gone();
      if (here().length > 0) await delay(ASK_AGAIN_MS);
    }
  }
}

/** Kills the connection and its statement. A user may kill its own connections. */
async function isGone(connection: MysqlConnection, connectionId: number): Promise<boolean> {
  try {
    await connection.ask(`KILL CONNECTION ${connectionId}`, [], KILL_WITHIN_MS);
    return false;
  } catch (error) {
    const reason = reasonOfFailure(error);
    if (reason === 'no such connection') return true;
    // While the statement runs a function with another user as its definer, the connection belongs to that user. Only its time limit ends it.
    if (reason === 'connection of another user') return false;
    throw error;
  }
}
