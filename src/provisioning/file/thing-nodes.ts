import { formatDuration } from './duration.ts';
import type { Condition } from '../../tenancy/tenant.ts';
import type { ClientSpec, IssuerSpec, TokenEndpointSpec } from './tenants-file.ts';

/** A trusted issuer as it is written in a tenants file. */
export function issuerNode(issuer: IssuerSpec): object {
  return {
    id: issuer.id,
    issuer: issuer.issuer,
    ...(issuer.jwksUri === undefined ? {} : { jwks_uri: issuer.jwksUri }),
    audiences: issuer.audiences,
    ...(issuer.audienceClaim === undefined ? {} : { audience_claim: issuer.audienceClaim }),
    ...(issuer.azp === undefined ? {} : { azp: issuer.azp }),
    algorithms: issuer.algorithms,
    ...(issuer.keyUse === undefined ? {} : { key_use: issuer.keyUse }),
    ...(issuer.types.length === 0 ? {} : { typ: issuer.types }),
    conditions: conditionsNode(issuer.conditions),
    ...(issuer.emailVerified === undefined ? {} : { email_verified: issuer.emailVerified }),
    subject: issuer.subject,
    clients: issuer.clients,
    surfaces: issuer.surfaces,
    max_age: formatDuration(issuer.maxAgeSeconds),
    max_lifetime: formatDuration(issuer.maxLifetimeSeconds),
  };
}

/** Conditions as they are written in a tenants file. */
export function conditionsNode(conditions: Iterable<readonly [string, Condition]> | 'none'): object | 'none' {
  if (conditions === 'none') return conditions;
  return Object.fromEntries(
    [...conditions].map(([claim, condition]) => [
      claim,
      'hasKey' in condition ? { has_key: condition.hasKey } : condition,
    ]),
  );
}

/** A client as it is written in a tenants file, but for the policy `assertion`, which follows from what it has. */
export function clientNode(client: ClientSpec): object {
  return {
    id: client.id,
    status: client.status,
    policy:
      client.policy.kind === 'secretless' ? { secretless: { networks: client.policy.networks } } : client.policy.kind,
    surfaces: client.surfaces,
    audience: client.audience,
    scopes: client.scopes,
    subjects: client.subjects,
    ...(client.ttlSeconds === undefined ? {} : { ttl: formatDuration(client.ttlSeconds) }),
    ...tokenEndpointNode(client),
  };
}

function tokenEndpointNode({ audiences, receives, exchange, service, keys, jwksUri, workload }: TokenEndpointSpec) {
  return {
    ...(audiences.length > 0 && { audiences }),
    ...(receives !== undefined && { receives }),
    ...(exchange.length > 0 && { exchange }),
    ...(service !== undefined && { service }),
    ...(keys.length > 0 && { keys }),
    ...(jwksUri !== undefined && { jwks_uri: jwksUri }),
    ...(workload !== undefined && {
      workload: { issuer: workload.issuer, conditions: conditionsNode(workload.conditions) },
    }),
  };
}
