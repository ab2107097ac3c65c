import type { User } from '../../directory/provisioning/directory-state.ts';
import { formatDuration } from '../../provisioning/file/duration.ts';
import { conditionsNode } from '../../provisioning/file/thing-nodes.ts';
import { shownClientKey } from '../../provisioning/plan/shown-client-key.ts';
import type { AdminSpec, ClientSpec, ProjectSpec, TenantSpec } from '../../provisioning/file/tenants-file.ts';

/** A thing as JSON: the members of the tenants file, durations in seconds. */
export type ObjectDocument = Readonly<Record<string, unknown>>;

export function tenantDocument(tenant: TenantSpec): ObjectDocument {
  const { id, name, status, database, tokens, projects, issuers, admins } = tenant;
  return {
    id,
    name,
    status,
    database,
    tokens: { alg: tokens.algorithm, ttl_seconds: tokens.ttlSeconds },
    projects: projects.map((project) => project.id),
    issuers: issuers.map((issuer) => issuer.id),
    admins: admins.map((admin) => admin.id),
  };
}

export function projectDocument({ id, name, status, clients }: ProjectSpec): ObjectDocument {
  return { id, name, status, clients: clients.map((client) => client.id) };
}

/** @param projectId a client's id is unique in its project only */
export function clientDocument(projectId: string, client: ClientSpec): ObjectDocument {
  const { policy, ttlSeconds } = client;
  return {
    project_id: projectId,
    id: client.id,
    status: client.status,
    policy: policy.kind === 'secretless' ? { secretless: { networks: policy.networks } } : policy.kind,
    surfaces: client.surfaces,
    audience: client.audience,
    scopes: client.scopes,
    subjects: client.subjects,
    ttl_seconds: ttlSeconds ?? null,
    audiences: client.audiences,
    receives: client.receives ?? null,
    exchange: client.exchange,
    service: client.service ?? null,
    keys: client.keys.map(shownClientKey),
    jwks_uri: client.jwksUri ?? null,
    workload:
      client.workload === undefined
        ? null
        : { issuer: client.workload.issuer, conditions: conditionsNode(client.workload.conditions) },
  };
}

export function userDocument({ id, email, status, roles, groups, identities }: User): ObjectDocument {
  return { id, email, status, roles, groups, identities };
}

export function adminDocument({ id, email, status, roles, scopes, identities }: AdminSpec): ObjectDocument {
  return { id, email, status, roles, scopes, identities };
}

/** A member's name as the heading of a column. */
export function headingOf(member: string): string {
  return member.replace(/_seconds$/, '').replaceAll('_', ' ');
}

/** A member's value on one line. `-` stands for nothing. */
export function textOf(member: string, value: unknown): string {
  if (value === null && member === 'receives') return 'its own audience';
  if (value === null || value === undefined) return '-';
  if (typeof value === 'number' && member.endsWith('_seconds')) return formatDuration(value);
  if (value === true) return 'yes';
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map((item) => textOf('', item)).join(', ');
  if (typeof value !== 'object') return typeof value === 'string' ? value : JSON.stringify(value);
  return Object.entries(value)
    .map(([name, inner]) => `${headingOf(name)} ${textOf(name, inner)}`)
    .join(' ');
}
