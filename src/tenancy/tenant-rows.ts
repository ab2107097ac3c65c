import type { ClientId, ProjectId, TenantId } from '../domain/ids.ts';
import { readStatus, readTenantStatus } from '../domain/status.ts';
import type { RowOf } from '../database/schema.ts';
import { malformedRow } from '../control-plane/json-column.ts';
import type { ClientEntity } from '../control-plane/entities/client.entity.ts';
import type { ProjectEntity } from '../control-plane/entities/project.entity.ts';
import type { TenantEntity } from '../control-plane/entities/tenant.entity.ts';
import type { TrustEntity } from '../control-plane/entities/trust.entity.ts';
import {
  DIRECTORY_KINDS,
  type DirectoryKind,
  type Project,
  type SigningAlgorithm,
  type Tenant,
  type TenantDatabase,
  type TenantFacts,
} from './tenant.ts';
import { rowFromTrust, trustFromRow } from './trust-rows.ts';
import { clientFromRow, rowFromClient } from './client-rows.ts';

/** All control plane rows of one tenant. */
export interface TenantRows {
  readonly tenant: RowOf<TenantEntity>;
  readonly projects: readonly RowOf<ProjectEntity>[];
  readonly clients: readonly RowOf<ClientEntity>[];
  readonly trusts: readonly RowOf<TrustEntity>[];
}

export interface StoredTenant extends TenantRows {
  readonly administratorIds: readonly string[];
}

/**
 * Converts rows to the frozen snapshot. The ids were parsed before they were written; every other value is checked here.
 *
 * @throws TesseraError temporarily_unavailable for a malformed row
 */
export function tenantFromRows({ tenant, projects, clients, trusts, administratorIds }: StoredTenant): Tenant {
  return Object.freeze({
    id: tenant.id as TenantId,
    version: tenant.version,
    name: tenant.name,
    status: readTenantStatus(tenant.status),
    database: databaseFromRow(tenant),
    directory: directoryFromRow(tenant),
    administratorIds: new Set(administratorIds),
    tokens: Object.freeze({
      algorithm: tenant.tokenAlgorithm as SigningAlgorithm,
      ttlSeconds: tenant.tokenTtlSeconds,
    }),
    projects: new Map(
      projects.map((project) => [
        project.id as ProjectId,
        projectFromRows(
          project,
          clients.filter((client) => client.projectId === project.id),
        ),
      ]),
    ),
    trusts: Object.freeze(trusts.map(trustFromRow)),
  });
}

export function rowsFromTenant(tenant: TenantFacts, version: number): TenantRows {
  const projects = [...tenant.projects.values()];
  return {
    tenant: {
      id: tenant.id,
      version,
      name: tenant.name,
      status: tenant.status,
      removedAtMs: null,
      databaseDriver: tenant.database.driver,
      databaseHost: tenant.database.driver === 'mysql' ? tenant.database.host : null,
      databasePort: tenant.database.driver === 'mysql' ? tenant.database.port : null,
      databaseName: tenant.database.driver === 'mysql' ? tenant.database.name : null,
      directory: tenant.directory,
      tokenAlgorithm: tenant.tokens.algorithm,
      tokenTtlSeconds: tenant.tokens.ttlSeconds,
    },
    projects: projects.map(({ id, name, status }) => ({ tenantId: tenant.id, id, name, status })),
    clients: projects.flatMap((project) =>
      [...project.clients.values()].map((client) => rowFromClient(tenant.id, project.id, client)),
    ),
    trusts: tenant.trusts.map((trust) => rowFromTrust(tenant.id, trust)),
  };
}

function databaseFromRow(row: RowOf<TenantEntity>): TenantDatabase {
  if (row.databaseDriver === 'sqlite') return Object.freeze({ driver: 'sqlite' });
  const { databaseHost: host, databasePort: port, databaseName: name } = row;
  if (row.databaseDriver !== 'mysql' || host === null || port === null || name === null)
    throw malformedRow('tenants.database_driver');
  return Object.freeze({ driver: 'mysql', host, port, name });
}

/** Rows of earlier versions have no value: every directory was managed. */
function directoryFromRow({ directory }: RowOf<TenantEntity>): DirectoryKind {
  const kind = directory === null ? 'managed' : DIRECTORY_KINDS.find((known) => known === directory);
  if (kind === undefined) throw malformedRow('tenants.directory');
  return kind;
}

function projectFromRows(row: RowOf<ProjectEntity>, clients: readonly RowOf<ClientEntity>[]): Project {
  return Object.freeze({
    id: row.id as ProjectId,
    name: row.name,
    status: readStatus(row.status),
    clients: new Map(clients.map((client) => [client.id as ClientId, clientFromRow(client)])),
  });
}
