import type { DirectoryState } from '../../directory/provisioning/directory-state.ts';
import type { Administrator } from '../../directory/administrator.ts';
import type { TenantDraft, TenantState } from '../apply/control-plane.writer.ts';
import type { Client, Project, Tenant, TenantFacts, Trust } from '../../tenancy/tenant.ts';
import type { TenantId } from '../../domain/ids.ts';
import { byCodeUnit } from '../file/readers/read-fields.ts';
import type { AdminSpec, ClientSpec, IdentitySpec, IssuerSpec, ProjectSpec, TenantSpec } from '../file/tenants-file.ts';

/** Converts a tenant's data in the stores to the form of the tenants file. */
export function specFromState({ tenant, administrators }: TenantState, directory: DirectoryState): TenantSpec {
  return {
    id: tenant.id,
    name: tenant.name,
    status: tenant.status,
    database: tenant.database,
    directory: tenant.directory,
    tokens: tenant.tokens,
    issuers: tenant.trusts.map(issuerFromTrust),
    projects: [...tenant.projects.values()].map((project) => ({
      id: project.id,
      name: project.name,
      status: project.status,
      clients: [...project.clients.values()].map(specFromClient),
    })),
    scopes: directory.scopes,
    roles: directory.roles.map(({ name, scopes }) => ({ name, scopes: sorted(scopes) })),
    groups: directory.groups.map(({ name, roles }) => ({ name, roles: sorted(roles) })),
    users: directory.users.map((user) => ({
      ...user,
      roles: sorted(user.roles),
      groups: sorted(user.groups),
      identities: sortedIdentities(user.identities),
    })),
    admins: administrators.map(adminFromAdministrator),
  };
}

/** Stands for the control plane's data of a tenant that does not exist yet. A new tenant is not compared with it. */
export function newTenantState(id: TenantId): TenantState {
  const tenant: Tenant = {
    id,
    version: 0,
    name: id,
    status: 'active',
    database: { driver: 'sqlite' },
    directory: 'managed',
    administratorIds: new Set(),
    tokens: { algorithm: 'ES256', ttlSeconds: 15 * 60 },
    projects: new Map(),
    trusts: [],
  };
  return { tenant, administrators: [] };
}

/** Converts a tenant of the file to the control plane's form. */
export function draftFromSpec(spec: TenantSpec): TenantDraft {
  const tenant: TenantFacts = {
    id: spec.id,
    name: spec.name,
    status: spec.status,
    database: spec.database,
    directory: spec.directory,
    tokens: spec.tokens,
    projects: new Map(spec.projects.map((project) => [project.id, projectFromSpec(project)])),
    trusts: spec.issuers.map(trustFromIssuer),
  };
  return { tenant, administrators: spec.admins };
}

function specFromClient(client: Client): ClientSpec {
  return {
    id: client.id,
    status: client.status,
    policy:
      client.policy.kind === 'secretless'
        ? { kind: 'secretless', networks: sorted(client.policy.networks) }
        : { kind: client.policy.kind },
    surfaces: sorted(client.surfaces),
    audience: client.audience,
    scopes: client.scopes === 'unbounded' ? 'unbounded' : sorted(client.scopes),
    subjects: client.subjects === 'any' ? 'any' : { domains: sorted(client.subjects.domains) },
    ttlSeconds: client.ttlSeconds,
    audiences: sorted(client.audiences),
    receives: client.receives && sorted(client.receives),
    exchange: client.exchange
      .map(({ to, scopes }) => ({ to, scopes: scopes === 'subset' ? scopes : sorted(scopes) }))
      .sort((a, b) => byCodeUnit(a.to, b.to)),
    service: client.service && { roles: sorted(client.service.roles) },
    keys: [...client.keys].sort((a, b) => byCodeUnit(a['kid'] ?? '', b['kid'] ?? '')),
    jwksUri: client.jwksUri,
    workload: client.workload && {
      issuer: client.workload.issuer,
      conditions: [...client.workload.conditions].sort(([a], [b]) => byCodeUnit(a, b)),
    },
  };
}

function projectFromSpec({ id, name, status, clients }: ProjectSpec): Project {
  const clientFromSpec = (client: ClientSpec): Client => ({
    ...client,
    projectId: id,
    scopes: client.scopes === 'unbounded' ? 'unbounded' : new Set(client.scopes),
    subjects: client.subjects === 'any' ? 'any' : { domains: new Set(client.subjects.domains) },
    exchange: client.exchange.map(({ to, scopes }) => ({ to, scopes: scopes === 'subset' ? scopes : new Set(scopes) })),
    workload: client.workload && { ...client.workload, conditions: new Map(client.workload.conditions) },
  });
  return { id, name, status, clients: new Map(clients.map((client) => [client.id, clientFromSpec(client)])) };
}

function issuerFromTrust(trust: Trust): IssuerSpec {
  return {
    id: trust.id,
    issuer: trust.issuer,
    jwksUri: trust.jwksUri,
    audiences: sorted(trust.audiences),
    audienceClaim: trust.audienceClaim,
    azp: trust.azp && sorted(trust.azp),
    algorithms: sorted(trust.algorithms),
    keyUse: trust.keyUse,
    types: sorted(trust.types),
    conditions: trust.conditions === 'none' ? 'none' : [...trust.conditions].sort(([a], [b]) => byCodeUnit(a, b)),
    emailVerified: trust.emailVerified,
    subject:
      trust.subject.match === 'email' ? { match: 'email', domains: sorted(trust.subject.domains) } : trust.subject,
    clients: sorted(trust.clients),
    surfaces: sorted(trust.surfaces),
    maxAgeSeconds: trust.maxAgeSeconds,
    maxLifetimeSeconds: trust.maxLifetimeSeconds,
  };
}

function trustFromIssuer(issuer: IssuerSpec): Trust {
  return {
    ...issuer,
    conditions: issuer.conditions === 'none' ? 'none' : new Map(issuer.conditions),
    subject:
      issuer.subject.match === 'email' ? { match: 'email', domains: new Set(issuer.subject.domains) } : issuer.subject,
  };
}

function adminFromAdministrator(administrator: Administrator): AdminSpec {
  return {
    id: administrator.id,
    email: administrator.email,
    status: administrator.status,
    roles: sorted(administrator.roles),
    scopes: sorted(administrator.scopes),
    identities: sortedIdentities(administrator.identities),
  };
}

function sorted<T extends string>(values: Iterable<T>): readonly T[] {
  return [...values].sort(byCodeUnit);
}

function sortedIdentities(identities: readonly IdentitySpec[]): readonly IdentitySpec[] {
  return identities
    .map(({ issuer, sub }) => ({ issuer, sub }))
    .sort((a, b) => byCodeUnit(a.issuer, b.issuer) || byCodeUnit(a.sub, b.sub));
}
