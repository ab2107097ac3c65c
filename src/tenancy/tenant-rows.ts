import { type ClientId, parseClientId, type ProjectId, type TenantId, type TrustId } from '../domain/ids.ts';
import { parseNetwork } from '../domain/networks.ts';
import { readStatus, readTenantStatus } from '../domain/status.ts';
import { SURFACES } from '../domain/surface.ts';
import type { RowOf } from '../database/schema.ts';
import {
  listOf,
  malformedRow,
  membersOf,
  readJsonColumn,
  type Shape,
  text,
  word,
} from '../control-plane/json-column.ts';
import type { ClientEntity } from '../control-plane/entities/client.entity.ts';
import type { ProjectEntity } from '../control-plane/entities/project.entity.ts';
import type { TenantEntity } from '../control-plane/entities/tenant.entity.ts';
import type { TrustEntity } from '../control-plane/entities/trust.entity.ts';
import {
  type Client,
  type ClientPolicy,
  type Condition,
  type ConditionValue,
  DIRECTORY_KINDS,
  type DirectoryKind,
  type FixedSubject,
  type KeyUse,
  type LinkedSubject,
  type Project,
  type SigningAlgorithm,
  type Tenant,
  type TenantDatabase,
  type TenantFacts,
  type Trust,
} from './tenant.ts';

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

function clientFromRow(row: RowOf<ClientEntity>): Client {
  return Object.freeze({
    id: row.id as ClientId,
    projectId: row.projectId as ProjectId,
    status: readStatus(row.status),
    policy: readJsonColumn('clients.policy', row.policy, clientPolicy),
    surfaces: readJsonColumn('clients.surfaces', row.surfaces, surfaces),
    audience: row.audience,
    scopes: readJsonColumn('clients.scopes', row.scopes, clientScopes),
    subjects: readJsonColumn('clients.subjects', row.subjects, clientSubjects),
    ttlSeconds: row.ttlSeconds ?? undefined,
  });
}

const surfaces = listOf(word(...SURFACES));
const network: Shape<string> = (value) =>
  typeof value === 'string' && parseNetwork(value) !== undefined ? value : undefined;
const networks = listOf(network);
const texts = listOf(text);

const clientPolicy: Shape<ClientPolicy> = (value) => {
  const { kind, ...rest } = membersOf(value) ?? {};
  if (kind === 'confidential') return Object.freeze({ kind });
  const allowed = networks(rest['networks']);
  return kind === 'secretless' && allowed !== undefined ? Object.freeze({ kind, networks: allowed }) : undefined;
};

const clientScopes: Shape<Client['scopes']> = (value) => {
  if (value === 'unbounded') return value;
  const scopes = texts(value);
  return scopes && new Set(scopes);
};

const clientSubjects: Shape<Client['subjects']> = (value) => {
  if (value === 'any') return value;
  const domains = texts(membersOf(value)?.['domains']);
  return domains && Object.freeze({ domains: new Set(domains) });
};

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

type StoredConditions = 'none' | (readonly [string, Condition])[];
type StoredSubject = (
  | { match: 'linked' }
  | { match: 'email'; domains: string[] }
  /** Forms that earlier versions do not know. To those it is an issuer for no address. */
  | { match: 'email'; domains: []; instead: Required<LinkedSubject> | FixedSubject }
) & {
  types?: readonly string[];
  keyUse?: KeyUse;
  emailVerified?: 'text_allowed';
  narrowed?: StoredNarrowing;
};

/** What an older server would ignore, and so accept more tokens. Beside it the column `conditions` is empty, by which that server accepts none. */
interface StoredNarrowing {
  readonly audienceClaim?: 'client_id' | undefined;
  readonly azp?: readonly string[] | undefined;
  readonly conditions: StoredConditions;
}

function trustFromRow(row: RowOf<TrustEntity>): Trust {
  const { subject, types, keyUse, emailVerified, narrowed } = readJsonColumn(
    'trusts.subject',
    row.subject,
    trustSubject,
  );
  const simple = readJsonColumn('trusts.conditions', row.conditions, trustConditions);
  return Object.freeze({
    id: row.id as TrustId,
    issuer: row.issuer,
    jwksUri: row.jwksUri ?? undefined,
    audiences: readJsonColumn('trusts.audiences', row.audiences, texts),
    audienceClaim: narrowed?.audienceClaim,
    azp: narrowed?.azp,
    algorithms: readJsonColumn('trusts.algorithms', row.algorithms, texts),
    keyUse,
    types,
    conditions: narrowed?.conditions ?? simple,
    emailVerified,
    subject,
    clients: readJsonColumn('trusts.clients', row.clients, listOf(parseClientId)),
    surfaces: readJsonColumn('trusts.surfaces', row.surfaces, surfaces),
    maxAgeSeconds: row.maxAgeSeconds,
    maxLifetimeSeconds: row.maxLifetimeSeconds,
  });
}

const conditionValue: Shape<ConditionValue> = (value) =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : undefined;
const conditionValues = listOf(conditionValue);

const textOrMap: Shape<Condition> = (value) => {
  const { contains, hasKey } = membersOf(value) ?? {};
  if ((contains === undefined) === (hasKey === undefined)) return undefined;
  // An empty word would be found in an empty text.
  if (typeof contains === 'string' && contains !== '') return Object.freeze({ contains });
  return typeof hasKey === 'string' && hasKey !== '' ? Object.freeze({ hasKey }) : undefined;
};

const conditionsOf = (shape: Shape<Condition>): Shape<Trust['conditions']> => {
  const entries = listOf((value): readonly [string, Condition] | undefined => {
    if (!Array.isArray(value) || value.length !== 2) return undefined;
    const [claim, allowed] = value as readonly unknown[];
    const wanted = shape(allowed);
    return typeof claim === 'string' && wanted !== undefined ? [claim, wanted] : undefined;
  });
  return (value) => {
    if (value === 'none') return value;
    const conditions = entries(value);
    return conditions && new Map(conditions);
  };
};

const trustConditions = conditionsOf(conditionValues);
const furtherConditions = conditionsOf((value) => conditionValues(value) ?? textOrMap(value));

interface Narrowing {
  readonly audienceClaim: Trust['audienceClaim'];
  readonly azp: Trust['azp'];
  readonly conditions: Trust['conditions'];
}

/** Every member that is there must be understood: without it the trust would accept more. */
const narrowing: Shape<Narrowing> = (value) => {
  const { audienceClaim, azp, conditions, ...unknown } = membersOf(value) ?? {};
  const [parties, wanted] = [azp === undefined ? undefined : texts(azp), furtherConditions(conditions)];
  if (wanted === undefined || (azp !== undefined && parties === undefined) || Object.keys(unknown).length > 0)
    return undefined;
  if (audienceClaim !== undefined && audienceClaim !== 'client_id') return undefined;
  return { audienceClaim, azp: parties, conditions: wanted };
};

type StoredTogether = Pick<Trust, 'subject' | 'types' | 'keyUse' | 'emailVerified'> & {
  readonly narrowed: Narrowing | undefined;
};

const trustSubject: Shape<StoredTogether> = (value) => {
  const {
    match,
    domains: ofEmail,
    types: further = [],
    emailVerified: verified,
    narrowed: stored,
    instead,
    keyUse,
  } = membersOf(value) ?? {};
  const types = texts(further);
  const narrowed = stored === undefined ? undefined : narrowing(stored);
  if (types === undefined || (stored !== undefined && narrowed === undefined)) return undefined;
  const emailVerified = verified === undefined ? undefined : word('text_allowed')(verified);
  if (emailVerified === undefined && verified !== undefined) return undefined;
  if (keyUse !== undefined && keyUse !== 'jwt-svid') return undefined;
  const beside = { types, keyUse, emailVerified, narrowed } as const;
  if (instead !== undefined) {
    const subject = newerSubject(instead);
    return subject && { subject, ...beside };
  }
  if (match === 'linked') return { subject: Object.freeze({ match }), ...beside };
  const domains = texts(ofEmail);
  if (match !== 'email' || domains === undefined) return undefined;
  return { subject: Object.freeze({ match, domains: new Set(domains) }), ...beside };
};

const newerSubject: Shape<Required<LinkedSubject> | FixedSubject> = (value) => {
  const { match, claim, id } = membersOf(value) ?? {};
  if (match === 'linked' && typeof claim === 'string') return Object.freeze({ match, claim });
  return match === 'user' && typeof id === 'string' ? Object.freeze({ match, id }) : undefined;
};

function storedSubject(subject: Trust['subject']): StoredSubject {
  if (subject.match === 'email') return { match: 'email', domains: [...subject.domains] };
  if (subject.match === 'user') return { match: 'email', domains: [], instead: subject };
  const { match, claim } = subject;
  return claim === undefined ? { match } : { match: 'email', domains: [], instead: { match, claim } };
}

function rowFromTrust(tenantId: TenantId, trust: Trust): RowOf<TrustEntity> {
  const { audienceClaim, azp } = trust;
  const conditions: StoredConditions = trust.conditions === 'none' ? 'none' : [...trust.conditions];
  const isSimple = conditions === 'none' || conditions.every(([, condition]) => Array.isArray(condition));
  const isNarrowed = audienceClaim !== undefined || azp !== undefined || !isSimple;
  const subject: StoredSubject = {
    ...storedSubject(trust.subject),
    ...(trust.types.length > 0 && { types: trust.types }),
    ...(trust.emailVerified !== undefined && { emailVerified: trust.emailVerified }),
    ...(isNarrowed && { narrowed: { audienceClaim, azp, conditions } }),
    ...(trust.keyUse !== undefined && { keyUse: trust.keyUse }),
  };
  return {
    tenantId,
    id: trust.id,
    issuer: trust.issuer,
    jwksUri: trust.jwksUri ?? null,
    audiences: JSON.stringify(trust.audiences),
    algorithms: JSON.stringify(trust.algorithms),
    conditions: JSON.stringify(isNarrowed ? [] : conditions),
    subject: JSON.stringify(subject),
    clients: JSON.stringify(trust.clients),
    surfaces: JSON.stringify(trust.surfaces),
    maxAgeSeconds: trust.maxAgeSeconds,
    maxLifetimeSeconds: trust.maxLifetimeSeconds,
  };
}
