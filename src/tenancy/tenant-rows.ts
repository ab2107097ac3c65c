import { unavailable } from '../errors/tessera-error.ts';
import type { ClientId, ProjectId, TenantId, TrustId } from '../domain/ids.ts';
import type { RowOf } from '../database/schema.ts';
import { CONTROL_DATABASE } from '../control-plane/control-database.ts';
import type { ClientEntity } from '../control-plane/entities/client.entity.ts';
import type { ProjectEntity } from '../control-plane/entities/project.entity.ts';
import type { TenantEntity } from '../control-plane/entities/tenant.entity.ts';
import type { TrustEntity } from '../control-plane/entities/trust.entity.ts';
import type { Client, ClientPolicy, Project, SigningAlgorithm, Tenant, TenantDatabase, Trust } from './tenant.ts';

/** All rows of one tenant. */
export interface TenantRows {
  readonly tenant: RowOf<TenantEntity>;
  readonly projects: readonly RowOf<ProjectEntity>[];
  readonly clients: readonly RowOf<ClientEntity>[];
  readonly trusts: readonly RowOf<TrustEntity>[];
}

/**
 * Rows to the frozen snapshot. The ids were parsed before they were written; what is read here is the service's own writing, so that
 * JSON that does not parse is a damaged database: 503, never a default.
 */
export function tenantFromRows({ tenant, projects, clients, trusts }: TenantRows): Tenant {
  try {
    return Object.freeze({
      id: tenant.id as TenantId,
      version: tenant.version,
      name: tenant.name,
      status: tenant.status as Tenant['status'],
      database: databaseFromRow(tenant),
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
  } catch (error) {
    throw unavailable(CONTROL_DATABASE, 'a row is malformed', error);
  }
}

export function rowsFromTenant(tenant: Omit<Tenant, 'version'>, version: number): TenantRows {
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
    throw new Error('a tenant without a database');
  return Object.freeze({ driver: 'mysql', host, port, name });
}

function projectFromRows(row: RowOf<ProjectEntity>, clients: readonly RowOf<ClientEntity>[]): Project {
  return Object.freeze({
    id: row.id as ProjectId,
    name: row.name,
    status: row.status as Project['status'],
    clients: new Map(clients.map((client) => [client.id as ClientId, clientFromRow(client)])),
  });
}

function clientFromRow(row: RowOf<ClientEntity>): Client {
  const scopes = JSON.parse(row.scopes) as 'unbounded' | string[];
  const subjects = JSON.parse(row.subjects) as 'any' | { domains: string[] };
  return Object.freeze({
    id: row.id as ClientId,
    projectId: row.projectId as ProjectId,
    status: row.status as Client['status'],
    policy: Object.freeze(JSON.parse(row.policy) as ClientPolicy),
    surfaces: Object.freeze(JSON.parse(row.surfaces) as Client['surfaces']),
    audience: row.audience,
    scopes: scopes === 'unbounded' ? scopes : new Set(scopes),
    subjects: subjects === 'any' ? subjects : Object.freeze({ domains: new Set(subjects.domains) }),
    ttlSeconds: row.ttlSeconds ?? undefined,
  });
}

function rowFromClient(tenantId: TenantId, projectId: ProjectId, client: Client): RowOf<ClientEntity> {
  return {
    tenantId,
    projectId,
    id: client.id,
    status: client.status,
    policy: JSON.stringify(client.policy),
    surfaces: JSON.stringify(client.surfaces),
    audience: client.audience,
    scopes: JSON.stringify(client.scopes === 'unbounded' ? client.scopes : [...client.scopes]),
    subjects: JSON.stringify(client.subjects === 'any' ? client.subjects : { domains: [...client.subjects.domains] }),
    ttlSeconds: client.ttlSeconds ?? null,
  };
}

type StoredConditions = 'none' | [string, (string | number | boolean)[]][];
type StoredSubject = ({ match: 'linked' } | { match: 'email'; domains: string[] }) & { types?: readonly string[] };

function trustFromRow(row: RowOf<TrustEntity>): Trust {
  const conditions = JSON.parse(row.conditions) as StoredConditions;
  const subject = JSON.parse(row.subject) as StoredSubject;
  return Object.freeze({
    id: row.id as TrustId,
    issuer: row.issuer,
    jwksUri: row.jwksUri ?? undefined,
    audiences: Object.freeze(JSON.parse(row.audiences) as string[]),
    algorithms: Object.freeze(JSON.parse(row.algorithms) as string[]),
    types: Object.freeze(subject.types ?? []),
    conditions: conditions === 'none' ? conditions : new Map(conditions),
    subject: Object.freeze(
      subject.match === 'email' ? { match: 'email', domains: new Set(subject.domains) } : { match: 'linked' },
    ),
    clients: Object.freeze(JSON.parse(row.clients) as ClientId[]),
    surfaces: Object.freeze(JSON.parse(row.surfaces) as Trust['surfaces']),
    maxAgeSeconds: row.maxAgeSeconds,
    maxLifetimeSeconds: row.maxLifetimeSeconds,
  });
}

function rowFromTrust(tenantId: TenantId, trust: Trust): RowOf<TrustEntity> {
  const conditions: StoredConditions =
    trust.conditions === 'none'
      ? 'none'
      : [...trust.conditions].map(([claim, values]): [string, (string | number | boolean)[]] => [claim, [...values]]);
  const subject: StoredSubject = {
    ...(trust.subject.match === 'email'
      ? { match: 'email', domains: [...trust.subject.domains] }
      : { match: 'linked' }),
    ...(trust.types.length > 0 && { types: trust.types }),
  };
  return {
    tenantId,
    id: trust.id,
    issuer: trust.issuer,
    jwksUri: trust.jwksUri ?? null,
    audiences: JSON.stringify(trust.audiences),
    algorithms: JSON.stringify(trust.algorithms),
    conditions: JSON.stringify(conditions),
    subject: JSON.stringify(subject),
    clients: JSON.stringify(trust.clients),
    surfaces: JSON.stringify(trust.surfaces),
    maxAgeSeconds: trust.maxAgeSeconds,
    maxLifetimeSeconds: trust.maxLifetimeSeconds,
  };
}
