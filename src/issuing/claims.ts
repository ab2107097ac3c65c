import type { ActorClaim, TesseraClaims } from '@tessera/token';
import { TesseraError } from '../errors/tessera-error.ts';
import type { AuthorizationDecision } from './authorization-decision.ts';
import { issuerOf } from '../domain/issuer.ts';
import { MAX_TOKEN_LIFE_SECONDS } from '../keys/key-ring.ts';
import type { PayloadSource } from './payloads/encode-payload.ts';

export interface ClaimsContext {
  /** Base of every issuer, from the configuration. */
  readonly publicUrl: string;
  /** Epoch seconds. */
  readonly now: number;
  /** Unique in the tenant: it identifies the token in revocations. */
  readonly jti: string;
}

/** Claims with what they were built from. Only `buildClaims` puts the two together. */
export interface BuiltClaims {
  readonly claims: TesseraClaims;
  /** Undefined: of claims that are not from here, as in tests. */
  readonly source?: PayloadSource;
}

/** The only reason for which `buildClaims` refuses. */
export const CREDENTIALS_EXPIRED = 'the credentials have expired';

/**
 * Builds the token's claims. All of them come from the authorization decision; a caller cannot add any.
 *
 * The lifetime is the minimum of what the policies and the credentials allow. The key's retirement does not limit it: a key stays public for the maximum
 * token lifetime after its last signature.
 *
 * @throws TesseraError unauthorized if the credentials have expired
 */
export function buildClaims(decision: AuthorizationDecision, { publicUrl, now, jti }: ClaimsContext): BuiltClaims {
  const { facts } = decision;
  const { tenant, client, surface, subject, exchange } = facts;
  const policyEnd = now + Math.min(facts.ttlSeconds, MAX_TOKEN_LIFE_SECONDS);
  const exp = facts.notAfter === undefined ? policyEnd : Math.min(policyEnd, facts.notAfter);
  if (exp <= now) throw new TesseraError('unauthorized', CREDENTIALS_EXPIRED);
  // One literal: copying the members takes longer than all the rest. JSON leaves out an undefined member, for which the type has no word.
  const claims: TesseraClaims = {
    iss: issuerOf(publicUrl, tenant.id),
    sub: subject.id,
    aud: facts.audience,
    client_id: client.id,
    iat: now,
    exp,
    jti,
    scope: facts.scopes.join(' '),
    roles: facts.roles,
    groups: facts.groups,
    resources: facts.resources,
    tenant_id: tenant.id,
    project_id: client.projectId,
    email_id: subject.email as string,
    surface,
    act: exchange?.actor as ActorClaim,
    idp: exchange?.identityProvider as string,
    root: exchange?.rootTokenId as string,
  };
  return { claims, source: { facts, publicUrl } };
}
