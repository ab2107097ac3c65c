import { Injectable, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { EntityManager, EntityTarget, ObjectLiteral, Repository } from 'typeorm';
import type { Config } from '../config/config.ts';
import { OperatorError } from '../errors/operator-error.ts';
import { unavailable } from '../errors/tessera-error.ts';
import { Log } from '../logging/log.ts';
import { withApplyLock } from './apply-lock.ts';
import { ControlDatabaseWatch } from './control-database-watch.ts';
import {
  CONTROL_DATABASE,
  controlDatabaseFile,
  createControlDataSource,
  createControlFileSource,
  createLiveControlFileSource,
} from './control-database.ts';
import type { Database, Row, SqlValue } from '../database/database.ts';
import { pendingMigrations, runMigrations } from '../database/migrations.ts';
import { copyDatabase, isReadInPlace } from '../database/sqlite/private-copy.ts';

/**
 * A write without effect: no row, no lock that others wait for, nothing in the binary log. It still fails wherever a write would fail: on a read-only
 * server or file, without the permission, under a lock over all tables.
 */
const WRITE_NOTHING = `INSERT INTO audit_records (at_ms, request_id, route, source, outcome)
  SELECT 0, '', '', '', '' FROM (SELECT 1 AS one) AS probe WHERE one = 0`;

/** The part of the DataSource that is used here. A failed call may be repeated. */
export interface OpenableSource {
  open(): Promise<Database>;
}

/**
 * The control database: tenants, projects, clients, trusted issuers, administrators, audit.
 *
 * It is opened in the background: a server starts while its database is down, answers 503 and connects by itself later.
 */
@Injectable()
export class ControlPlane implements OnModuleDestroy, OnApplicationShutdown {
  readonly #source: OpenableSource;
  readonly #log: Log;
  #database: Database | undefined;
  #opening: Promise<Database> | undefined;
  #watch: ControlDatabaseWatch | undefined;
  #closed = false;
  #remove: () => Promise<void> = () => Promise.resolve();

  constructor(@InjectDataSource() source: OpenableSource, log: Log) {
    this.#source = source;
    this.#log = log;
  }

  /**
   * A control plane with the current schema, for dry runs and for commands that read. The data directory stays unchanged. A file is read from a copy,
   * on which pending migrations run, unless `isReadInPlace`. On MySQL it is the real database.
   */
  static async forReading(config: Config, log: Log): Promise<ControlPlane> {
    const unchanged = await ControlPlane.unchanged(config, log);
    if (config.controlDatabase.driver === 'mysql') return unchanged;
    if ((await unchanged.pendingMigrations()).length === 0) return unchanged;
    await unchanged.close();
    const copy = await ControlPlane.copyOf(config, log);
    await copy.migrate();
    return copy;
  }

  /** Like `forReading`, but with the schema that the database has. */
  static async unchanged(config: Config, log: Log): Promise<ControlPlane> {
    if (config.controlDatabase.driver === 'mysql') return createControlPlane(config, log);
    return isReadInPlace(controlDatabaseFile(config))
      ? ControlPlane.live(config, log)
      : ControlPlane.copyOf(config, log);
  }

  private static async copyOf(config: Config, log: Log): Promise<ControlPlane> {
    const copy = await copyDatabase(controlDatabaseFile(config));
    const controlPlane = new ControlPlane(createControlFileSource(copy.file), log);
    controlPlane.#remove = () => copy.remove();
    return controlPlane;
  }

  /** A control plane that only reads, from the database itself and never from a copy. */
  static live(config: Config, log: Log): ControlPlane {
    if (config.controlDatabase.driver === 'mysql') return createControlPlane(config, log);
    return new ControlPlane(createLiveControlFileSource(controlDatabaseFile(config)), log);
  }

  /** Undefined until the database is open. */
  get kind(): Database['kind'] | undefined {
    return this.#database?.kind;
  }

  query(sql: string, parameters: readonly SqlValue[] = []): Promise<Row[]> {
    // The usual case needs no promise: the database is open.
    return this.#database === undefined
      ? this.database().then((database) => database.query(sql, parameters))
      : this.#database.query(sql, parameters);
  }

  /** @param timeoutMs for all reads together; default: the database's timeout */
  async snapshot<T>(work: (manager: EntityManager) => Promise<T>, timeoutMs?: number): Promise<T> {
    return (await this.database()).snapshot(work, timeoutMs);
  }

  /** @param timeoutMs for the whole transaction; default: the database's limit for a large change */
  async transaction<T>(work: (manager: EntityManager) => Promise<T>, timeoutMs?: number): Promise<T> {
    return (await this.database()).transaction(work, timeoutMs);
  }

  /** For rows that no request waits for. Its statements have the same limits as those of `query`. */
  async repository<E extends ObjectLiteral>(entity: EntityTarget<E>): Promise<Repository<E>> {
    return (await this.database()).dataSource.getRepository(entity);
  }

  /** Opens the database if it is not open, one attempt at a time. */
  database(): Promise<Database> {
    if (this.#database !== undefined) return Promise.resolve(this.#database);
    if (this.#closed) return Promise.reject(unavailable(CONTROL_DATABASE, 'closed'));
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  /** Resolves if the control database answers now, has the current schema and accepts writes. */
  async check(): Promise<void> {
    const pending = await this.pendingMigrations();
    if (pending.length > 0) throw unavailable(CONTROL_DATABASE, 'the schema is not current');
    await this.assertTakesWrites();
  }

  /** Rejects unless the database accepts writes. A read is not enough: a replica answers reads, and so does a primary that is being replaced. */
  async assertTakesWrites(): Promise<void> {
    await this.query(WRITE_NOTHING);
  }

  async pendingMigrations(): Promise<string[]> {
    return pendingMigrations(await this.database());
  }

  /** Migrates the schema. The caller holds the apply lock. */
  async migrate(): Promise<string[]> {
    return runMigrations(await this.database());
  }

  /**
   * For a server process, which never migrates a shared database. From here on, outages of the database are logged.
   *
   * @throws OperatorError if the database answers and its schema is not current; one that does not answer is retried in the background
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

  /** Prevents reopening after the database was closed. Others may still write until then, and Nest calls them one after the other: nothing waits here. */
  onModuleDestroy(): void {
    void this.#watch?.stop();
  }

  onApplicationShutdown(): Promise<void> {
    return this.close();
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
    const database = await this.#source.open();
    if (this.#closed) {
      await database.close();
      throw unavailable(CONTROL_DATABASE, 'closed');
    }
    this.#database = database;
    return database;
  }
}

/** Makes the control plane for commands and tests. In a server, Nest makes it. */
export function createControlPlane(config: Config, log: Log): ControlPlane {
  let source: Promise<OpenableSource> | undefined;
  const open = async () => (await (source ??= createControlDataSource(config))).open();
  return new ControlPlane({ open }, log);
}

/** Opens the control plane at the start of a server: migrates an embedded database, only checks a shared one. */
export async function prepareControlPlane(controlPlane: ControlPlane, config: Config): Promise<void> {
  if (config.controlDatabase.driver !== 'sqlite') {
    await controlPlane.start();
    return;
  }
  const pending = await controlPlane.pendingMigrations();
  if (pending.length > 0) await withApplyLock(config, () => controlPlane.migrate());
}

/** A control plane as in a server, for tests. */
export async function startControlPlane(config: Config, log: Log): Promise<ControlPlane> {
  const controlPlane = createControlPlane(config, log);
  try {
    await prepareControlPlane(controlPlane, config);
    return controlPlane;
  } catch (error) {
    await controlPlane.close();
    throw error;
  }
}
