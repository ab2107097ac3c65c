import {
  listOf,
  malformedRow,
  membersOf,
  readJsonColumn,
  type Shape,
  texts,
  word,
} from '../control-plane/json-column.ts';
import type { ClientEntity } from '../control-plane/entities/client.entity.ts';
import type { RowOf } from '../database/schema.ts';
import { type ClientId, parseTrustId, type ProjectId, type TenantId } from '../domain/ids.ts';
import { parseNetwork } from '../domain/networks.ts';
import { readStatus } from '../domain/status.ts';
import { PERSON_SURFACES } from '../domain/surface.ts';
import type { Client, ClientKey, ClientPolicy, ExchangeRule, Workload } from './tenant.ts';
import { conditionMap } from './trust-rows.ts';

/** The members of a client that only the token endpoint uses. They are stored together. */
export type TokenEndpointMembers = Pick<
  Client,
  'audiences' | 'receives' | 'exchange' | 'service' | 'keys' | 'jwksUri' | 'workload'
>;

/** A client that no file has given any of them. */
export const NO_TOKEN_ENDPOINT_MEMBERS: TokenEndpointMembers = Object.freeze({
  audiences: Object.freeze([]),
  receives: undefined,
  exchange: Object.freeze([]),
  service: undefined,
  keys: Object.freeze([]),
  jwksUri: undefined,
  workload: undefined,
});

/** @throws TesseraError temporarily_unavailable for a malformed row */
export function clientFromRow(row: RowOf<ClientEntity>): Client {
  const policy = readJsonColumn('clients.policy', row.policy, clientPolicy);
  const { hasNoSecret, ...members } =
    row.tokenEndpoint === null
      ? { ...NO_TOKEN_ENDPOINT_MEMBERS, hasNoSecret: false }
      : readJsonColumn('clients.token_endpoint', row.tokenEndpoint, tokenEndpoint);
  if (hasNoSecret && policy.kind !== 'confidential') throw malformedRow('clients.token_endpoint');
  return Object.freeze({
    id: row.id as ClientId,
    projectId: row.projectId as ProjectId,
    status: readStatus(row.status),
    policy: hasNoSecret ? ASSERTION : policy,
    surfaces: readJsonColumn('clients.surfaces', row.surfaces, listOf(word(...PERSON_SURFACES))),
    audience: row.audience,
    scopes: readJsonColumn('clients.scopes', row.scopes, clientScopes),
    subjects: readJsonColumn('clients.subjects', row.subjects, clientSubjects),
    ttlSeconds: row.ttlSeconds ?? undefined,
    ...members,
  });
}

export function rowFromClient(tenantId: TenantId, projectId: ProjectId, client: Client): RowOf<ClientEntity> {
  const { policy } = client;
  return {
    tenantId,
    projectId,
    id: client.id,
    status: client.status,
    // Earlier versions know no other kind without a secret. To them it is a client whose secret nobody has made.
    policy: JSON.stringify(policy.kind === 'assertion' ? { kind: 'confidential' } : policy),
    surfaces: JSON.stringify(client.surfaces),
    audience: client.audience,
    scopes: JSON.stringify(client.scopes === 'unbounded' ? client.scopes : [...client.scopes]),
    subjects: JSON.stringify(client.subjects === 'any' ? client.subjects : { domains: [...client.subjects.domains] }),
    ttlSeconds: client.ttlSeconds ?? null,
    tokenEndpoint: storedTokenEndpoint(client),
  };
}

const ASSERTION: ClientPolicy = Object.freeze({ kind: 'assertion' });

const network: Shape<string> = (value) =>
  typeof value === 'string' && parseNetwork(value) !== undefined ? value : undefined;
const networks = listOf(network);

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

interface StoredMembers extends TokenEndpointMembers {
  readonly hasNoSecret: boolean;
}

/** Members that are absent have the value of `NO_TOKEN_ENDPOINT_MEMBERS`. */
const tokenEndpoint: Shape<StoredMembers> = (value) => {
  const stored = membersOf(value);
  if (stored === undefined) return undefined;
  const {
    audiences = [],
    receives,
    exchange = [],
    service,
    keys = [],
    jwksUri,
    workload,
    hasNoSecret = false,
    ...unknown
  } = stored;
  // A later version may have written what narrows the others.
  if (Object.keys(unknown).length > 0) return undefined;
  const read = {
    audiences: texts(audiences),
    receives: receives === undefined ? undefined : texts(receives),
    exchange: exchangeRules(exchange),
    service: service === undefined ? undefined : serviceRoles(service),
    keys: clientKeys(keys),
    jwksUri: typeof jwksUri === 'string' ? jwksUri : undefined,
    workload: workload === undefined ? undefined : workloadOf(workload),
  };
  const { audiences: listed, exchange: rules, keys: keyList } = read;
  if (listed === undefined || rules === undefined || keyList === undefined || typeof hasNoSecret !== 'boolean')
    return undefined;
  // A member that is there but not understood must not count as absent: it may be what bounds the client.
  if (
    Object.entries({ receives, service, jwksUri, workload }).some(
      ([name, one]) => one !== undefined && read[name as keyof typeof read] === undefined,
    )
  )
    return undefined;
  return { ...read, audiences: listed, exchange: rules, keys: keyList, hasNoSecret };
};

const exchangeRules = listOf((value): ExchangeRule | undefined => {
  const { to, scopes, ...unknown } = membersOf(value) ?? {};
  const atMost = scopes === 'subset' ? scopes : texts(scopes);
  if (typeof to !== 'string' || atMost === undefined || Object.keys(unknown).length > 0) return undefined;
  return Object.freeze({ to, scopes: atMost === 'subset' ? atMost : new Set(atMost) });
});

const serviceRoles: Shape<NonNullable<Client['service']>> = (value) => {
  const { roles: listed, ...unknown } = membersOf(value) ?? {};
  const roles = texts(listed);
  return roles && Object.keys(unknown).length === 0 ? Object.freeze({ roles }) : undefined;
};

const clientKeys = listOf((value): ClientKey | undefined => {
  const jwk = membersOf(value);
  if (jwk === undefined || !Object.values(jwk).every((member) => typeof member === 'string')) return undefined;
  return Object.freeze(jwk as ClientKey);
});

const workloadOf: Shape<Workload> = (value) => {
  const { issuer: id, conditions: stored, ...unknown } = membersOf(value) ?? {};
  const issuer = parseTrustId(id);
  const conditions = conditionMap(stored);
  return issuer === undefined || conditions === undefined || conditions === 'none' || Object.keys(unknown).length > 0
    ? undefined
    : Object.freeze({ issuer, conditions });
};

/** Null for a client without any of them: its row is as earlier versions wrote it. */
function storedTokenEndpoint({ policy, ...client }: Client): string | null {
  const { audiences, receives, exchange, service, keys, jwksUri, workload } = client;
  const members = {
    ...(audiences.length > 0 && { audiences }),
    ...(receives !== undefined && { receives }),
    ...(exchange.length > 0 && {
      exchange: exchange.map(({ to, scopes }) => ({ to, scopes: scopes === 'subset' ? scopes : [...scopes] })),
    }),
    ...(service !== undefined && { service }),
    ...(keys.length > 0 && { keys }),
    ...(jwksUri !== undefined && { jwksUri }),
    ...(workload !== undefined && {
      workload: { issuer: workload.issuer, conditions: [...workload.conditions] },
    }),
    ...(policy.kind === 'assertion' && { hasNoSecret: true }),
  };
  return Object.keys(members).length === 0 ? null : JSON.stringify(members);
}
