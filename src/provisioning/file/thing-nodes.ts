import { formatDuration } from './duration.ts';
import type { ClientSpec, IssuerSpec } from './tenants-file.ts';

/** A trusted issuer as it is written in a tenants file. */
export function issuerNode(issuer: IssuerSpec): object {
  return {
    id: issuer.id,
    issuer: issuer.issuer,
    ...(issuer.jwksUri === undefined ? {} : { jwks_uri: issuer.jwksUri }),
    audiences: issuer.audiences,
    algorithms: issuer.algorithms,
    ...(issuer.types.length === 0 ? {} : { typ: issuer.types }),
    conditions: issuer.conditions === 'none' ? 'none' : Object.fromEntries(issuer.conditions),
    subject: issuer.subject,
    clients: issuer.clients,
    surfaces: issuer.surfaces,
    max_age: formatDuration(issuer.maxAgeSeconds),
    max_lifetime: formatDuration(issuer.maxLifetimeSeconds),
  };
}

/** A client as it is written in a tenants file. */
export function clientNode(client: ClientSpec): object {
  return {
    id: client.id,
    status: client.status,
    policy:
      client.policy.kind === 'confidential' ? 'confidential' : { secretless: { networks: client.policy.networks } },
    surfaces: client.surfaces,
    audience: client.audience,
    scopes: client.scopes,
    subjects: client.subjects,
    ...(client.ttlSeconds === undefined ? {} : { ttl: formatDuration(client.ttlSeconds) }),
  };
}
