import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Config } from '../../config/config.ts';
import { OperatorError } from '../../errors/operator-error.ts';
import { TesseraError } from '../../errors/tessera-error.ts';
import { takeNamedLock } from '../../control-plane/named-lock.ts';
import type { Database } from '../../database/database.ts';
import { finishedMigrations } from '../../database/migrations.ts';
import { NO_ENTITIES, type Schema } from '../../database/schema.ts';
import { type DatabaseFailureReason, reasonOfFailure } from '../../database/database-failure.ts';
import { type MysqlConnection, withMysqlConnection } from '../../database/mysql/mysql-connection.ts';
import { openMysqlDatabase } from '../../database/mysql/mysql-data-source.ts';
import { copyDatabase } from '../../database/sqlite/private-copy.ts';
import { openSqliteDatabase } from '../../database/sqlite/sqlite-data-source.ts';
import {
  type DirectoryRelations,
  managedRelations,
  PREFIXED_RELATIONS,
} from '../../tenancy/relations/directory-relations.ts';
import type { Tenant, TenantDatabase } from '../../tenancy/tenant.ts';
import {
  directoryRelations,
  readDatabaseCredentials,
  TENANT_DATABASE,
  tenantDatabaseFile,
  tenantDatabaseOptions,
} from '../../tenancy/tenant-database.ts';
import type { DatabaseCredentials } from '../../vault/database-credentials.ts';
import type { VaultService } from '../../vault/vault.service.ts';
import { DirectoryReader } from './directory.reader.ts';
import { directorySchema } from './directory.schema.ts';
import { DirectoryWriter } from './directory.writer.ts';

type TenantAddress = Pick<Tenant, 'id' | 'database' | 'directory'>;
type ServerDatabase = Extract<TenantDatabase, { driver: 'mysql' }>;

/** A statement of provisioning may change thousands of rows, and no request waits for it. */
const TIMEOUT_MS = 10_000;

/** A whole directory is read at once, up to a few hundred thousand rows, for several tenants at a time. */
const ANSWER_LIMIT = 64 * 1024 * 1024;

/** Names that are safe between backticks. MySQL allows more, but nothing here needs it. */
const DATABASE_NAME = /^[A-Za-z0-9_$-]{1,64}$/;

/** Opens tenants' directories for provisioning. Creates missing ones; a dry run changes none. External ones are only read. */
export class DirectoryOpener {
  readonly #config: Pick<Config, 'dataDirectory' | 'connections'>;
  readonly #vault: VaultService;

  constructor(config: Pick<Config, 'dataDirectory' | 'connections'>, vault: VaultService) {
    this.#config = config;
    this.#vault = vault;
  }

  /**
   * Opens a managed directory, and creates its database if it is missing.
   *
   * @throws OperatorError if the database is missing and the credentials do not allow creating it; the message contains the SQL to run
   */
  async open(tenant: TenantAddress): Promise<DirectoryWriter> {
    if (tenant.directory === 'external') throw new Error('an external directory is never written');
    if (tenant.database.driver === 'sqlite')
      return this.#openFile(tenant, tenantDatabaseFile(this.#config.dataDirectory, tenant.id));
    const credentials = await this.#credentials(tenant);
    try {
      return await this.#openOnServer(tenant, tenant.database, credentials);
    } catch (error) {
      if (!MISSING.has(reasonOfFailure(error))) throw error;
      await createDatabase(tenant.id, tenant.database, credentials, this.#config.connections.dangerouslyAllowPlaintext);
      return this.#openOnServer(tenant, tenant.database, credentials);
    }
  }

  /**
   * For dry runs and `export`: a SQLite directory as a private copy, whose changes are discarded; a directory on a server itself, only for reading.
   *
   * @returns undefined if the database does not exist yet, unless the directory is external: that one is nobody's to create
   */
  async openForReading(tenant: TenantAddress): Promise<DirectoryReader | undefined> {
    if (tenant.database.driver === 'sqlite') {
      const file = tenantDatabaseFile(this.#config.dataDirectory, tenant.id);
      if (!existsSync(file)) return undefined;
      const copy = await copyDatabase(file);
      return this.#openFile(tenant, copy.file, () => copy.remove());
    }
    const credentials = await this.#credentials(tenant);
    if (tenant.directory === 'external') return this.#openExternal(tenant, tenant.database, credentials);
    try {
      return await this.#openOnServer(tenant, tenant.database, credentials);
    } catch (error) {
      if (MISSING.has(reasonOfFailure(error))) return undefined;
      throw error;
    }
  }

  /** Deletes an embedded directory, for `purge`. A database on a server is dropped by its operator. */
  async destroy(tenant: Pick<Tenant, 'id' | 'database'>): Promise<void> {
    if (tenant.database.driver !== 'sqlite') return;
    const file = tenantDatabaseFile(this.#config.dataDirectory, tenant.id);
    for (const suffix of ['', '-wal', '-shm']) await rm(`${file}${suffix}`, { force: true });
  }

  async #openFile(tenant: TenantAddress, file: string, afterClose?: () => Promise<void>): Promise<DirectoryWriter> {
    const { database, relations } = await openManaged((schema) =>
      openSqliteDatabase({ name: TENANT_DATABASE, tenantId: tenant.id, file, schema, create: true }),
    );
    // SQLite's file lock is enough.
    return new DirectoryWriter(tenant.id, database, relations, (work) => work(), afterClose);
  }

  async #openOnServer(
    tenant: TenantAddress,
    address: ServerDatabase,
    credentials: DatabaseCredentials,
  ): Promise<DirectoryWriter> {
    const options = this.#options(tenant, address, credentials);
    const { database, relations } = await openManaged((schema) => openMysqlDatabase({ ...options, schema }));
    // Two installations may share a server, so the lock is on the server. At two nodes of one cluster both would go on: each creates what is missing, and
    // if they are of different tenants, the second to commit finds two owners, and neither gets the database.
    return new DirectoryWriter(tenant.id, database, relations, (work) =>
      withMysqlConnection(options, async (connection) => {
        await takeNamedLock(connection, `directory:${address.name}`);
        return work();
      }),
    );
  }

  async #openExternal(
    tenant: TenantAddress,
    address: ServerDatabase,
    credentials: DatabaseCredentials,
  ): Promise<DirectoryReader> {
    const options = this.#options(tenant, address, credentials);
    const database = await openMysqlDatabase({ ...options, schema: NO_ENTITIES });
    try {
      return new DirectoryReader(tenant.id, database, await directoryRelations(database, tenant));
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  #options(tenant: TenantAddress, address: ServerDatabase, credentials: DatabaseCredentials) {
    const { dangerouslyAllowPlaintext } = this.#config.connections;
    const limits = { perTenant: 2, timeoutMs: TIMEOUT_MS, dangerouslyAllowPlaintext };
    return tenantDatabaseOptions(tenant.id, address, credentials, limits, ANSWER_LIMIT);
  }

  async #credentials(tenant: TenantAddress): Promise<DatabaseCredentials> {
    try {
      return await readDatabaseCredentials(this.#vault, tenant.id);
    } catch (error) {
      const kind = error instanceof TesseraError ? error.failure?.kind : undefined;
      if (kind !== 'the credentials of a tenant database are missing') throw error;
      throw new OperatorError(
        `Tenant ${tenant.id}: Vault has no credentials for its database. Write username and password to database/${tenant.id}.`,
        { cause: error },
      );
    }
  }
}

/** Opens a managed directory with the schema of its layout, which only its database knows. Almost all have the present one. */
async function openManaged(
  open: (schema: Schema) => Promise<Database>,
): Promise<{ readonly database: Database; readonly relations: DirectoryRelations }> {
  const database = await open(directorySchema(PREFIXED_RELATIONS));
  try {
    const relations = managedRelations(await finishedMigrations(database));
    if (relations === PREFIXED_RELATIONS) return { database, relations };
    await database.close();
    return { database: await open(directorySchema(relations)), relations };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** A server reports "no access" to a user without permissions, whether the database exists or not. */
const MISSING: ReadonlySet<DatabaseFailureReason | undefined> = new Set([
  'database does not exist',
  'no access to the database',
]);

async function createDatabase(
  tenantId: TenantAddress['id'],
  address: ServerDatabase,
  credentials: DatabaseCredentials,
  dangerouslyAllowPlaintext: boolean,
): Promise<void> {
  if (!DATABASE_NAME.test(address.name))
    throw new OperatorError(`A database name must match ${DATABASE_NAME.source}. Choose another name.`);
  const { host, port } = address;
  const statement = `CREATE DATABASE IF NOT EXISTS \`${address.name}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`;
  try {
    await withMysqlConnection(
      { name: TENANT_DATABASE, tenantId, host, port, ...credentials, timeoutMs: TIMEOUT_MS, dangerouslyAllowPlaintext },
      (connection: MysqlConnection) => connection.ask(statement),
    );
  } catch (error) {
    if (reasonOfFailure(error) !== 'no access to the database') throw error;
    throw new OperatorError(
      `Tenant ${tenantId}: the database ${address.name} on ${host}:${port} does not exist, or its user has no access. Let its administrator run:\n` +
        `  ${statement};\n` +
        `  GRANT ALL PRIVILEGES ON \`${address.name}\`.* TO '${credentials.username.replaceAll("'", "''")}'@'%';`,
      { cause: error },
    );
  }
}
