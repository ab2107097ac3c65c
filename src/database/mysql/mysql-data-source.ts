import type { Pool, PoolOptions } from 'mysql2';
import type { QueryRunner, ReplicationMode } from 'typeorm';
import { Secret } from '../../config/secret.ts';
import { unavailable } from '../../errors/tessera-error.ts';
import { answerInTime } from './answers/answer-in-time.ts';
import { BoundedDataSource } from '../bounded-data-source.ts';
import { databaseFailure } from '../database-failure.ts';
import { MIGRATIONS_TABLE } from '../migrations.ts';
import { SilentLogger } from '../silent-logger.ts';
import { tablePrefixOptions } from '../table-prefix.ts';
import { AbandonedStatements } from './pool/abandoned-statements.ts';
import { boundRunner } from './bounded-query-runner.ts';
import type { DetachedConnection } from './pool/detached-connection.ts';
import { MysqlDatabase, type MysqlSource } from './mysql-database.ts';
import { withLiterals } from './mysql-literals.ts';
import { type MysqlOptions, mysqlSite } from './mysql-options.ts';
import { MysqlPool } from './pool/mysql-pool.ts';
import { limitsOfTenantReads, limitsWithin, MysqlSessions } from './session/mysql-session.ts';
import { mysqlTls } from './mysql-tls.ts';

/** The DataSource of a database on a MySQL or MariaDB server. Each attempt to initialize it makes a new pool. */
export class MysqlDataSource extends BoundedDataSource<MysqlDatabase> implements MysqlSource {
  readonly #options: MysqlOptions;
  /** Shared with TypeORM's options, which are made before this object is. */
  readonly #current: { pool: MysqlPool | undefined };
  readonly #inherited: DetachedConnection | undefined;
  #closing: Promise<void> = Promise.resolve();

  /** @param inherited a connection to the same server, for its first pool */
  constructor(options: MysqlOptions, inherited?: DetachedConnection) {
    const current: { pool: MysqlPool | undefined } = { pool: undefined };
    super(options.name, {
      type: 'mysql',
      driver: { createPool: (poolOptions: PoolOptions): Pool => poolOf(current, options).create(poolOptions) },
      host: options.host,
      port: options.port,
      database: options.database,
      username: options.username,
      password: Secret.reveal(options.password),
      poolSize: options.poolSize,
      connectTimeout: options.timeoutMs,
      ...mysqlTls(options.host, options.dangerouslyAllowPlaintext),
      charset: 'utf8mb4',
      timezone: 'Z',
      // BIGINT as number: all values are below 2^53.
      supportBigNumbers: true,
      bigNumberStrings: false,
      extra: { queryFormat: withLiterals },
      entities: [...options.schema.entities] as never[],
      migrations: [...options.schema.migrations],
      ...tablePrefixOptions(options.schema),
      migrationsTransactionMode: 'each',
      migrationsTableName: MIGRATIONS_TABLE,
      logger: new SilentLogger(),
    });
    this.#options = options;
    this.#current = current;
    this.#inherited = inherited;
    const { driver } = this;
    const createRunner = driver.createQueryRunner.bind(driver);
    // TypeORM asks for the version before anything else. It came with the settings of the session.
    driver.createQueryRunner = (mode) =>
      Object.assign(createRunner(mode), { getVersion: () => Promise.resolve(current.pool?.sessions.version ?? '') });
  }

  override createQueryRunner(mode?: ReplicationMode): QueryRunner {
    const { connections } = poolOf(this.#current, this.#options);
    return boundRunner(super.createQueryRunner(mode), connections, this.#options);
  }

  createUnboundedRunner(): QueryRunner {
    return super.createQueryRunner();
  }

  override destroy(): Promise<void> {
    const { pool } = this.#current;
    this.forget();
    if (pool !== undefined) this.#closing = pool.closeAll();
    return this.#closing;
  }

  protected override async connect(): Promise<void> {
    const options = this.#options;
    const pool = new MysqlPool(
      options,
      new MysqlSessions(
        options.answerLimit === Infinity ? limitsWithin(options.timeoutMs) : limitsOfTenantReads(options.timeoutMs),
        options.timeoutMs,
        options.database,
      ),
      new AbandonedStatements(options),
      this.#inherited,
    );
    this.#current.pool = pool;
    try {
      await answerInTime(options.timeoutMs, this.initializeTypeOrm());
      // The data source was destroyed in the meantime.
      if (this.#current.pool !== pool) throw unavailable(options.name, 'closed');
      this.keep(new MysqlDatabase(options, this, pool));
    } catch (error) {
      this.forget();
      void pool.closeAll();
      throw databaseFailure(options.name, error, mysqlSite(options));
    }
  }

  protected override forget(): void {
    this.#current.pool = undefined;
    super.forget();
  }
}

/** @param inherited a connection to the same server, which the database uses as its first */
export function openMysqlDatabase(options: MysqlOptions, inherited?: DetachedConnection): Promise<MysqlDatabase> {
  return new MysqlDataSource(options, inherited).open();
}

function poolOf({ pool }: { readonly pool: MysqlPool | undefined }, { name }: MysqlOptions): MysqlPool {
  if (pool === undefined) throw unavailable(name, 'not open');
  return pool;
}
