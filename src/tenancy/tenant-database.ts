import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { join } from 'node:path';
import { CONFIG, type CachesConfig, type ConnectionsConfig } from '../config/config.ts';
import type { DatabaseStateFailure } from '../errors/dependency-failure.ts';
import { type TesseraError, unavailable } from '../errors/tessera-error.ts';
import { Clock } from '../domain/clock.ts';
import type { TenantId } from '../domain/ids.ts';
import { type DatabaseCredentials, parseDatabaseCredentials } from '../vault/database-credentials.ts';
import { databaseCredentialsPath } from '../vault/vault-path.ts';
import { VaultService } from '../vault/vault.service.ts';
import type { Database, Row } from '../database/database.ts';
import type { DetachedConnection } from '../database/mysql/pool/detached-connection.ts';
import { reasonOfFailure } from '../database/database-failure.ts';
import { atSite } from '../database/database-site.ts';
import type { MysqlOptions } from '../database/mysql/mysql-options.ts';
import { ID_LENGTH } from '../control-plane/entities/tenant.entity.ts';
import { NO_ENTITIES } from '../database/schema.ts';
import { openSqliteDatabase } from '../database/sqlite/sqlite-data-source.ts';
import { finishedMigrations } from '../database/migrations.ts';
import { type DirectoryRelations, managedRelations } from './relations/directory-relations.ts';
import { CONTRACT_VERSION, EXTERNAL_OWNER } from './relations/external-contract.ts';
import { checkExternalDirectory } from './relations/external-relations.ts';
import { type FoundRelations, KnownRelations } from './relations/known-relations.ts';
import type { Tenant, TenantDatabase } from './tenant.ts';

export const TENANT_DATABASE = 'tenant database';

/** A tenant's open database, and where the directory is in it. */
export interface OpenTenantDatabase extends FoundRelations {
  readonly database: Database;
}

/** The file of a tenant's embedded directory. The id is valid, so the path cannot leave the folder. */
export function tenantDatabaseFile(dataDirectory: string, tenantId: TenantId): string {
  return join(dataDirectory, 'tenants', `${tenantId}.sqlite`);
}

/**
 * Nothing is written here, so a failover causes no error: a connection to the old primary would go on reading old data. This limits it after a
 * failover.
 */
const CONNECTION_MAX_AGE_MS = 15_000;

/**
 * Memory limit of one answer: more than ten thousand rows of names, many times what a token can hold. A tenant's database can make a server hold
 * this, times the tenant's connection limit, and about five times as much as objects.
 */
const ANSWER_LIMIT = 2 * 1024 * 1024;

/** The connection options of a tenant's server, except the schema, which the caller adds. */
export function tenantDatabaseOptions(
  tenantId: TenantId,
  database: Extract<TenantDatabase, { driver: 'mysql' }>,
  credentials: DatabaseCredentials,
  limits: Pick<ConnectionsConfig, 'perTenant' | 'timeoutMs' | 'dangerouslyAllowPlaintext'>,
  answerLimit = ANSWER_LIMIT,
): Omit<MysqlOptions, 'schema'> {
  return {
    name: TENANT_DATABASE,
    tenantId,
    host: database.host,
    port: database.port,
    database: database.name,
    username: credentials.username,
    password: credentials.password,
    poolSize: limits.perTenant,
    connectionMaxAgeMs: CONNECTION_MAX_AGE_MS,
    timeoutMs: limits.timeoutMs,
    dangerouslyAllowPlaintext: limits.dangerouslyAllowPlaintext,
    answerLimit,
  };
}

export async function readDatabaseCredentials(vault: VaultService, tenantId: TenantId): Promise<DatabaseCredentials> {
  const entry = await vault.read(databaseCredentialsPath(tenantId));
  if (entry === undefined) throw unavailable('vault', 'the credentials of a tenant database are missing');
  return parseDatabaseCredentials(entry.data);
}

export interface TenantDatabaseSettings {
  readonly dataDirectory: string;
  readonly connections: Pick<ConnectionsConfig, 'perTenant' | 'timeoutMs' | 'dangerouslyAllowPlaintext'>;
  readonly caches: Pick<CachesConfig, 'vaultSeconds' | 'tenants'>;
}

/**
 * Loads the driver only when it is used. Outside the class: TypeScript 6.0 does not rewrite `.ts` in an `import()` within a class that has decorators, and the
 * built program would not find the file.
 */
async function openOnServer(options: MysqlOptions, inherited: DetachedConnection | undefined): Promise<Database> {
  driver ??= import('../database/mysql/mysql-data-source.ts');
  return (await driver).openMysqlDatabase(options, inherited);
}
/** Kept: each import of it would be resolved again. */
let driver: Promise<typeof import('../database/mysql/mysql-data-source.ts')> | undefined;

/** Opens tenants' databases for reading. Whose a database is, is checked by each read of a directory, not here. */
@Injectable()
export class TenantDatabaseOpener {
  readonly #settings: TenantDatabaseSettings;
  readonly #vault: VaultService;
  readonly #clock: Clock;
  readonly #credentials: LRUCache<TenantId, { readonly credentials: DatabaseCredentials; readonly readAtMs: number }>;
  readonly #relations: KnownRelations;

  constructor(@Inject(CONFIG) settings: TenantDatabaseSettings, vault: VaultService, clock: Clock) {
    this.#settings = settings;
    this.#vault = vault;
    this.#clock = clock;
    this.#credentials = new LRUCache({ max: settings.caches.tenants });
    this.#relations = new KnownRelations(clock, settings.caches.tenants);
  }

  /** @param inherited a connection to the same server, for the database to use. Whoever gives it closes it, in case it was not used */
  async open(tenant: Tenant, inherited?: DetachedConnection): Promise<OpenTenantDatabase> {
    const database = await this.#connect(tenant, inherited);
    try {
      const found = await this.#relations.find(tenant, () => directoryRelations(database, tenant));
      return { ...found, database };
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** Call when a database turned out to be another tenant's: what was found in it says nothing about the right one. */
  forget(id: TenantId): void {
    this.#relations.forget(id);
  }

  async #connect(tenant: Tenant, inherited: DetachedConnection | undefined): Promise<Database> {
    const { database } = tenant;
    if (database.driver === 'sqlite') {
      const file = tenantDatabaseFile(this.#settings.dataDirectory, tenant.id);
      // Only provisioning creates directories: a missing one must not be replaced by an empty one.
      return openSqliteDatabase({
        name: TENANT_DATABASE,
        tenantId: tenant.id,
        file,
        schema: NO_ENTITIES,
        create: false,
      });
    }
    const remembered = this.#rememberedCredentials(tenant.id);
    if (remembered !== undefined) {
      try {
        return await this.#connectAs(tenant.id, database, remembered, inherited);
      } catch (error) {
        // The credentials may have been rotated in Vault since they were read: retry once with the present ones.
        if (reasonOfFailure(error) !== 'access denied') throw error;
        this.#credentials.delete(tenant.id);
      }
    }
    const readAtMs = this.#clock.monotonicMs();
    const credentials = await readDatabaseCredentials(this.#vault, tenant.id);
    const connected = await this.#connectAs(tenant.id, database, credentials, inherited);
    this.#credentials.set(tenant.id, { credentials, readAtMs });
    return connected;
  }

  #rememberedCredentials(tenantId: TenantId): DatabaseCredentials | undefined {
    const entry = this.#credentials.get(tenantId);
    if (entry === undefined) return undefined;
    const ageMs = this.#clock.monotonicMs() - entry.readAtMs;
    return ageMs < this.#settings.caches.vaultSeconds * 1000 ? entry.credentials : undefined;
  }

  async #connectAs(
    tenantId: TenantId,
    database: Extract<TenantDatabase, { driver: 'mysql' }>,
    credentials: DatabaseCredentials,
    inherited: DetachedConnection | undefined,
  ): Promise<Database> {
    const options = tenantDatabaseOptions(tenantId, database, credentials, this.#settings.connections);
    return openOnServer({ ...options, schema: NO_ENTITIES }, inherited);
  }
}

/** Two rows are enough to see that there are several. One extra character is enough to see that a text is too long. */
const ownersOf = (relation: string) =>
  `SELECT SUBSTR(tenant_id, 1, ${ID_LENGTH + 1}) AS tenant_id FROM ${relation} LIMIT 2`;

export function readOwners(database: Pick<Database, 'query'>, relation = 'tessera_owner'): Promise<Row[]> {
  return database.query(ownersOf(relation));
}

/**
 * Checks the owner that a tenant's database names. A database of another tenant, or without an owner, is not read.
 *
 * @param relation that names the owner
 */
export async function assertOwner(
  database: Pick<Database, 'query'>,
  tenantId: TenantId,
  relation?: string,
): Promise<void> {
  const owners = await readOwners(database, relation);
  if (owners.length === 0) throw tenantDatabaseFailure(tenantId, 'belongs to no tenant');
  if (owners.some((row) => row['tenant_id'] !== tenantId))
    throw tenantDatabaseFailure(tenantId, 'belongs to another tenant');
}

/**
 * Finds the relations of a tenant's directory. Of a managed one it does not ask whose it is, because each read of a directory does.
 *
 * @throws TesseraError `temporarily_unavailable` if an external directory names another tenant, or breaks the contract
 */
export async function directoryRelations(
  database: Pick<Database, 'query'>,
  { id, directory }: Pick<Tenant, 'id' | 'directory'>,
): Promise<DirectoryRelations> {
  if (directory === 'external') {
    const { faults, relations } = await checkExternalDirectory(database);
    if (faults.length > 0)
      throw atSite(
        { tenantId: id },
        unavailable(TENANT_DATABASE, 'breaks the contract of an external directory', undefined, faults.join('; ')),
      );
    await assertOwner(database, id, relations.owner);
    await assertContractVersion(database, id);
    return relations;
  }
  return managedRelations(await finishedMigrations(database));
}

const VERSIONS = `SELECT version FROM ${EXTERNAL_OWNER} LIMIT 2`;

async function assertContractVersion(database: Pick<Database, 'query'>, tenantId: TenantId): Promise<void> {
  const rows = await database.query(VERSIONS);
  if (rows.length === 1 && Number(rows[0]?.['version']) === CONTRACT_VERSION) return;
  const fault = `the view ${EXTERNAL_OWNER} must have one row, with the version ${CONTRACT_VERSION}`;
  throw atSite(
    { tenantId },
    unavailable(TENANT_DATABASE, 'breaks the contract of an external directory', undefined, fault),
  );
}

/** The error for a tenant's database that answers with invalid content. */
export function tenantDatabaseFailure(tenantId: TenantId, kind: DatabaseStateFailure): TesseraError {
  return atSite({ tenantId }, unavailable(TENANT_DATABASE, kind));
}
