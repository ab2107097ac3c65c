import type { EntityManager } from 'typeorm';
import type { Config } from '../config/config.ts';
import { OperatorError } from '../errors/operator-error.ts';
import { unavailable } from '../errors/tessera-error.ts';
import type { Log } from '../log/log.ts';
import { withApplyLock } from './apply-lock.ts';
import { CONTROL_DATABASE, controlDatabaseFile, openControlDatabase, openControlFile } from './control-database.ts';
import type { Database, Row, SqlValue } from './database.ts';
import { reasonOfFailure } from './database-failure.ts';
import { pendingMigrations, runMigrations } from './migrations.ts';
import { copyDatabase } from './private-copy.ts';

/** A server that comes back must be noticed within the promised 5 s. */
const RECONNECT_MS = 1000;

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
  #retry: NodeJS.Timeout | undefined;
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

  async transaction<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return (await this.database()).transaction(work);
  }

  /** The open database; opens it when it is not, one opening at a time. */
  database(): Promise<Database> {
    if (this.#database !== undefined) return Promise.resolve(this.#database);
    if (this.#closed) return Promise.reject(unavailable(CONTROL_DATABASE, 'closed'));
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  /** Resolves when the control plane answers now and its schema is current. */
  async check(): Promise<void> {
    const pending = await this.pendingMigrations();
    if (pending.length > 0) throw unavailable(CONTROL_DATABASE, 'the schema is not current');
  }

  async pendingMigrations(): Promise<string[]> {
    return pendingMigrations(await this.database());
  }

  /** Brings the schema to the current state; the caller holds the apply lock. */
  async migrate(): Promise<string[]> {
    return runMigrations(await this.database());
  }

  /**
   * For a server process, which never changes a shared database's schema.
   *
   * @throws OperatorError when the database answers and its schema is not current; one that does not answer is tried again behind
   */
  async start(): Promise<void> {
    try {
      await this.assertSchema();
    } catch (error) {
      if (error instanceof OperatorError) throw error;
      this.#log.warn('control_database_unavailable', { reason: reasonOfFailure(error) ?? 'not available' });
      this.#keepTrying();
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
    clearTimeout(this.#retry);
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

  #keepTrying(saidWhatToRun = false): void {
    this.#retry = setTimeout(() => {
      this.pendingMigrations().then(
        (pending) => {
          if (pending.length === 0) this.#log.info('control_database_available');
          else {
            // Too late to stop the start. Readiness stays red until somebody has run it.
            if (!saidWhatToRun) this.#log.error('control_database_schema_not_current', { fix: 'tessera migrate' });
            if (!this.#closed) this.#keepTrying(true);
          }
        },
        () => {
          if (!this.#closed) this.#keepTrying(saidWhatToRun);
        },
      );
    }, RECONNECT_MS);
    this.#retry.unref();
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
