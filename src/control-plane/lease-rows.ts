import { createHash } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { isRolledBack, reasonOfFailure } from '../database/database-failure.ts';
import type { MysqlConnection } from '../database/mysql/mysql-connection.ts';
import type { WriteFence } from './write-fence.ts';

export interface Holder {
  /** Empty: nobody. */
  readonly owner: string;
  /** The server on which the owner also has the lock of its connection. */
  readonly server: string;
}

export interface Lease extends Holder {
  /** Grows while the holder lives. */
  readonly beats: number;
}

/** For one answer: a cluster commits nothing for some seconds after it has lost a node. */
export const TIMEOUT_MS = 6_000;

/**
 * Not a migration, because migrations run under the lock. The holder's heartbeats and its transactions change different rows, so that neither waits for the
 * other. A takeover changes both rows, so that it conflicts with either.
 */
const CREATE = `CREATE TABLE IF NOT EXISTS apply_lock (
  name VARCHAR(8) NOT NULL PRIMARY KEY,
  owner VARCHAR(36) NOT NULL,
  server VARCHAR(40) NOT NULL,
  value BIGINT NOT NULL
) ENGINE=InnoDB CHARACTER SET ascii COLLATE ascii_bin`;
const FILL = `INSERT IGNORE INTO apply_lock (name, owner, server, value)
  VALUES ('beats', '', '', 0), ('writes', '', '', 0), ('waiters', '', '', 0)`;
const READ = "SELECT owner, server, value FROM apply_lock WHERE name = 'beats'";
const TAKE =
  "UPDATE apply_lock SET owner = ?, server = ?, value = value + 1 WHERE name = 'beats' AND owner = ? AND value = ?";
const TAKE_WRITES = "UPDATE apply_lock SET owner = ?, server = ?, value = value + 1 WHERE name = 'writes'";
const BEAT = "UPDATE apply_lock SET value = value + 1 WHERE name = 'beats' AND owner = ?";
const WRITE = "UPDATE apply_lock SET value = value + 1 WHERE name = 'writes' AND owner = ?";
const WAIT = "UPDATE apply_lock SET value = value + 1 WHERE name = 'waiters'";
const RELEASE = "UPDATE apply_lock SET owner = '', server = '', value = value + 1 WHERE owner = ?";

const IDENTITY = `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_uuid', 'server_uid', 'hostname', 'port', 'datadir')`;

/** The rows of the apply lock in a control database on a server. All SQL about them is here. */
export class LeaseRows {
  readonly #connection: MysqlConnection;

  constructor(connection: MysqlConnection) {
    this.#connection = connection;
  }

  /** Names the server of the connection. Two servers that are taken for one cost a holder its lock, but let no two hold it. */
  async server(): Promise<string> {
    const rows = await this.#connection.ask(IDENTITY, [], TIMEOUT_MS);
    const known = rows.map((row) => `${String(row['Variable_name'])}=${String(row['Value'])}`).sort();
    return createHash('sha256').update(known.join('\n')).digest('hex').slice(0, 40);
  }

  /** Makes the rows if they are missing. */
  async read(): Promise<Lease> {
    const found = await this.#find();
    if (found !== undefined) return found;
    await this.#connection.ask(CREATE, [], TIMEOUT_MS);
    await this.#connection.ask(FILL, [], TIMEOUT_MS);
    const made = await this.#find();
    if (made === undefined) throw new Error('the rows of the apply lock are missing');
    return made;
  }

  /** @returns false if somebody else took it, or its holder gave a sign of life since it was read */
  async take(seen: Lease, { owner, server }: Holder): Promise<boolean> {
    try {
      await this.#connection.ask('START TRANSACTION', [], TIMEOUT_MS);
      const taken = await this.#connection.change(TAKE, [owner, server, seen.owner, seen.beats], TIMEOUT_MS);
      if (taken === 1) await this.#connection.change(TAKE_WRITES, [owner, server], TIMEOUT_MS);
      await this.#connection.ask('COMMIT', [], TIMEOUT_MS);
      return taken === 1;
    } catch (error) {
      if (isRolledBack(error)) return false;
      throw error;
    }
  }

  /** @returns whether the owner still holds the lock */
  async beat(owner: string): Promise<boolean> {
    return (await this.#change(BEAT, [owner])) === 1;
  }

  /** Resolves when this server can commit, and has committed what was ordered before. */
  async commitNothing(): Promise<void> {
    await this.#change(WAIT, []);
  }

  async release(owner: string): Promise<void> {
    await this.#change(RELEASE, [owner]);
  }

  fenceOf(owner: string): WriteFence {
    return {
      isHeldIn: async (manager: EntityManager) => {
        const { affectedRows } = await manager.query<{ readonly affectedRows: number }>(WRITE, [owner]);
        return affectedRows === 1;
      },
    };
  }

  /** A statement that lost against another node's has not run; the next attempt sees the other's row. */
  async #change(sql: string, parameters: readonly string[]): Promise<number> {
    for (;;)
      try {
        return await this.#connection.change(sql, parameters, TIMEOUT_MS);
      } catch (error) {
        if (!isRolledBack(error)) throw error;
      }
  }

  async #find(): Promise<Lease | undefined> {
    try {
      const [row] = await this.#connection.ask(READ, [], TIMEOUT_MS);
      if (row === undefined) return undefined;
      return { owner: String(row['owner']), server: String(row['server']), beats: Number(row['value']) };
    } catch (error) {
      if (reasonOfFailure(error) === 'schema is missing') return undefined;
      throw error;
    }
  }
}
