import type { EntityManager } from 'typeorm';
import type { Config } from '../config/config.ts';
import { OperatorError } from '../errors/operator-error.ts';
import { unavailable } from '../errors/tessera-error.ts';
import type { Log } from '../logging/log.ts';
import { withApplyLock } from './apply-lock.ts';
import { ControlDatabaseWatch } from './control-database-watch.ts';
import { CONTROL_DATABASE, controlDatabaseFile, openControlDatabase, openControlFile } from './control-database.ts';
import type { Database, Row, SqlValue } from '../database/database.ts';
import { pendingMigrations, runMigrations } from '../database/migrations.ts';
import { copyDatabase } from '../database/sqlite/private-copy.ts';

/**
 * A write of nothing: no row, no lock that anyone waits for, nothing in a binary log. Refused all the same by whatever refuses a write: a server or a
 * file that is read-only, a missing permission, a lock over all tables.
 */
const WRITE_NOTHING = `INSERT INTO audit_records (at_ms, request_id, route, source, outcome)
  SELECT 0, '', '', '', '' FROM (SELECT 1 AS one) AS probe WHERE one = 0`;

/**
 * The door to the control database: tenants, projects, clients, trusts, administrators, audit.
 *
 * It opens behind: a server starts while its database is down, answers 503 and finds it again by itself.
 */
export class ControlPlane {
  readonly #openDatabase: () => Promise<Database>;
  readonly #log: Log;
  #database: Database | undefined;
  #opening: Promise<Database> | undefined;
  #watch: ControlDatabaseWatch | undefined;
  #closed = false;
  #remove: () => Promise<void> = () => Promise.resolve();

  constructor(openDatabase: () => Promise<Database>, log: Log) {
    this.#openDatabase = openDatabase;
    this.#log = log;
  }

  /**
   * A control plane on a copy, for dry runs: what happens to it is forgotten, and the data directory keeps its bytes. On MySQL it is the
   * real one: dry runs read only.
   */
  static async copyOf(config: Config, log: Log): Promise<ControlPlane> {
    if (config.controlDatabase.driver === 'mysql') return createControlPlane(config, log);
    const copy = await copyDatabase(controlDatabaseFile(config));
    const controlPlane = new ControlPlane(() => openControlFile(copy.file), log);
    controlPlane.#remove = () => copy.remove();
    await runMigrations(await controlPlane.database());
    return controlPlane;
  }

  query(sql: string, parameters: readonly SqlValue[] = []): Promise<Row[]> {
    // The usual case first: no promise of an open database to wait for.
    return this.#database === undefined
      ? this.database().then((database) => database.query(sql, parameters))
      : this.#database.query(sql, parameters);
  }

  async snapshot<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return (await this.database()).snapshot(work);
  }

  /** @param timeoutMs for all of it; default: the database's for a large change */
  async transaction<T>(work: (manager: EntityManager) => Promise<T>, timeoutMs?: number): Promise<T> {
    return (await this.database()).transaction(work, timeoutMs);
  }

  /** The open database; opens it when it is not, one opening at a time. */
  database(): Promise<Database> {
    if (this.#database !== undefined) return Promise.resolve(this.#database);
    if (this.#closed) return Promise.reject(unavailable(CONTROL_DATABASE, 'closed'));
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  /** Resolves when the control plane answers now, its schema is current, and it takes writes. */
  async check(): Promise<void> {
    const pending = await this.pendingMigrations();
    if (pending.length > 0) throw unavailable(CONTROL_DATABASE, 'the schema is not current');
    await this.assertTakesWrites();
  }

  /** That it answers says nothing of this: a replica answers, and a primary that hands over to its successor. */
  async assertTakesWrites(): Promise<void> {
    await this.query(WRITE_NOTHING);
  }

  async pendingMigrations(): Promise<string[]> {
    return pendingMigrations(await this.database());
  }

  /** Brings the schema to the current state; the caller holds the apply lock. */
  async migrate(): Promise<string[]> {
    return runMigrations(await this.database());
  }

  /**
   * For a server process, which never changes a shared database's schema. From here on the log says when the database is away.
   *
   * @throws OperatorError when the database answers and its schema is not current; one that does not answer is tried again in the background
   */
  async start(): Promise<void> {
    this.#watch = new ControlDatabaseWatch(this, this.#log);
    try {
      await this.assertSchema();
      this.#watch.start();
    } catch (error) {
      if (error instanceof OperatorError) throw error;
      this.#watch.start(error);
    }
  }

  async assertSchema(): Promise<void> {
    const pending = await this.pendingMigrations();
    if (pending.length === 0) return;
    throw new OperatorError(
      `The control database's schema is not current (${pending.length} migration(s) to run). Run: tessera migrate`,
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#watch?.stop();
    await this.#opening?.catch(() => undefined);
    await this.#database?.close();
    this.#database = undefined;
    await this.#remove();
  }

  async #open(): Promise<Database> {
    const database = await this.#openDatabase();
    if (this.#closed) {
      await database.close();
      throw unavailable(CONTROL_DATABASE, 'closed');
    }
    this.#database = database;
    return database;
  }
}

export function createControlPlane(config: Config, log: Log): ControlPlane {
  return new ControlPlane(() => openControlDatabase(config), log);
}

/** What a server process does first: the embedded database it migrates itself, a shared one it only checks. */
export async function startControlPlane(config: Config, log: Log): Promise<ControlPlane> {
  const controlPlane = createControlPlane(config, log);
  try {
    if (config.controlDatabase.driver === 'sqlite') {
      const pending = await controlPlane.pendingMigrations();
      if (pending.length > 0) await withApplyLock(config, () => controlPlane.migrate());
    } else {
      await controlPlane.start();
    }
    return controlPlane;
  } catch (error) {
    await controlPlane.close();
    throw error;
  }
}
