import type { TesseraClaims } from '@tessera/token';
import { issuerOf } from '../../domain/issuer.ts';
import type { Surface } from '../../domain/surface.ts';
import type { SigningAlgorithm, Client, Tenant } from '../../tenancy/tenant.ts';
import type { Found } from './finding.ts';

/** The grants of a subject, within the bound of a client. */
export interface TokenGrants {
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly scopes: readonly string[];
  readonly resources: readonly string[];
}

interface SizedSubject extends TokenGrants {
  readonly id: string;
  readonly email: string | undefined;
}

/** From here on, a subject is near the budget: a role more may make its tokens too large. */
const NEAR = 0.9;

/** The thumbprint that a key has as its id, and a UUID. */
const KID = 'k'.repeat(43);
const JTI = 'j'.repeat(36);

/** Lengths of signatures in base64url; keys of RSA have 3072 bits. */
const SIGNATURE_LENGTH: Readonly<Record<SigningAlgorithm, number>> = { ES256: 86, EdDSA: 86, RS256: 512 };

/** The length of the token that the subject would get, in bytes. Tokens of an exchange are a little longer. */
export function tokenLength(
  publicUrl: string,
  tenant: Tenant,
  client: Client,
  surface: Surface,
  { id, email, scopes, ...grants }: SizedSubject,
): number {
  const time = 4_000_000_000;
  const claims: TesseraClaims = {
    iss: issuerOf(publicUrl, tenant.id),
    sub: id,
    aud: client.audience,
    client_id: client.id,
    iat: time,
    exp: time,
    jti: JTI,
    scope: scopes.join(' '),
    roles: grants.roles,
    groups: grants.groups,
    resources: grants.resources,
    tenant_id: tenant.id,
    project_id: client.projectId,
    ...(email !== undefined && { email_id: email }),
    surface,
  };
  const { algorithm } = tenant.tokens;
  const header = JSON.stringify({ typ: 'at+jwt', alg: algorithm, kid: KID });
  return encodedLength(header) + encodedLength(JSON.stringify(claims)) + SIGNATURE_LENGTH[algorithm] + 2;
}

function encodedLength(text: string): number {
  return Math.ceil((Buffer.byteLength(text) * 4) / 3);
}

export function overBudget(object: string, client: Client, length: number, budget: number): Found | undefined {
  if (length <= budget * NEAR) return undefined;
  const name = `${client.projectId}/${client.id}`;
  return {
    severity: length > budget ? 'fault' : 'warning',
    object,
    problem:
      length > budget
        ? `a token for client ${name} would have ${length} bytes, and the budget is ${budget}: it is refused`
        : `a token for client ${name} has ${length} bytes, and the budget is ${budget}`,
    command: 'Take roles from it, narrow "scopes" of the client, or raise TESSERA_TOKEN_MAX_BYTES',
  };
}
