import type { Surface, TesseraClaims } from './claims.ts';
import { TokenError } from './token-error.ts';

export interface ClaimPolicy {
  /** `any`: the caller checks the audience, or the token is meant for its own issuer. */
  readonly audiences: readonly string[] | 'any';
  readonly surfaces: readonly Surface[];
  /** For exp, nbf and iat alike. */
  readonly clockSkewSeconds: number;
  /** The longest `exp` − `iat`. */
  readonly maxLifetimeSeconds: number;
  readonly nowSeconds: number;
}

const TEXTS = ['iss', 'sub', 'aud', 'client_id', 'jti', 'tenant_id', 'project_id', 'email_id'] as const;
const LISTS = ['roles', 'groups', 'resources'] as const;

/**
 * Checks the claims of a token whose signature is verified: first their types, then their values.
 *
 * @throws TokenError
 */
export function checkClaims(claims: Readonly<Record<string, unknown>>, policy: ClaimPolicy): TesseraClaims {
  const known = checkTypes(claims);
  checkTenant(known);
  checkSurface(known, policy);
  checkAudience(known, policy);
  checkTimes(known, policy);
  return known;
}

/** RFC 9068, section 2.2: all are required. A missing list is not an empty one. */
function checkTypes(claims: Readonly<Record<string, unknown>>): TesseraClaims {
  for (const name of TEXTS) if (!isText(claims[name])) throw invalid(name, 'not a non-empty string');
  if (typeof claims.scope !== 'string') throw invalid('scope', 'not a string');
  for (const name of LISTS) {
    const list = claims[name];
    if (!Array.isArray(list) || !list.every((item) => typeof item === 'string'))
      throw invalid(name, 'not an array of strings');
  }
  if (!Number.isSafeInteger(claims.exp)) throw invalid('exp', 'not an integer');
  if (!Number.isSafeInteger(claims.iat)) throw invalid('iat', 'not an integer');
  if (claims.nbf !== undefined && !Number.isSafeInteger(claims.nbf)) throw invalid('nbf', 'not an integer');
  if (claims.surface !== 'admin' && claims.surface !== 'user') throw invalid('surface', 'neither admin nor user');
  if (claims.act !== undefined) checkActor(claims.act);
  if (claims.idp !== undefined && !isText(claims.idp)) throw invalid('idp', 'not a non-empty string');
  return claims as unknown as TesseraClaims;
}

/** RFC 8693, section 4.1: actors nest. The parser limits the depth. */
function checkActor(actor: unknown): void {
  if (typeof actor !== 'object' || actor === null || Array.isArray(actor)) throw invalid('act', 'not an object');
  const { sub, client_id: clientId, act } = actor as Readonly<Record<string, unknown>>;
  if (!isText(sub)) throw invalid('act', 'without a sub');
  if (clientId !== undefined && !isText(clientId)) throw invalid('act', 'client_id is not a non-empty string');
  if (act !== undefined) checkActor(act);
}

/** An issuer may issue tokens of its own tenant only. */
function checkTenant({ iss, tenant_id: tenantId }: TesseraClaims): void {
  if (iss.slice(iss.lastIndexOf('/') + 1) !== tenantId) throw invalid('tenant_id', 'contradicts the issuer');
}

function checkSurface({ surface }: TesseraClaims, { surfaces }: ClaimPolicy): void {
  if (!surfaces.includes(surface)) throw invalid('surface', 'not accepted here');
}

function checkAudience({ aud }: TesseraClaims, { audiences }: ClaimPolicy): void {
  if (audiences !== 'any' && !audiences.includes(aud))
    throw new TokenError('TOKEN_AUDIENCE_WRONG', 'aud is not accepted here', { claim: 'aud' });
}

/** RFC 7519, sections 4.1.4 to 4.1.6. */
function checkTimes({ iat, exp, nbf }: TesseraClaims, policy: ClaimPolicy): void {
  const { nowSeconds, clockSkewSeconds, maxLifetimeSeconds } = policy;
  // Each condition states what must hold and is negated, so that a clock that returns NaN accepts nothing.
  if (!(nowSeconds < exp + clockSkewSeconds)) throw new TokenError('TOKEN_EXPIRED', 'exp has passed', { claim: 'exp' });
  if (!(iat <= nowSeconds + clockSkewSeconds))
    throw new TokenError('TOKEN_NOT_YET_VALID', 'iat is ahead', { claim: 'iat' });
  if (nbf !== undefined && !(nbf <= nowSeconds + clockSkewSeconds))
    throw new TokenError('TOKEN_NOT_YET_VALID', 'nbf is ahead', { claim: 'nbf' });
  if (exp < iat) throw invalid('exp', 'before iat');
  if (!(exp - iat <= maxLifetimeSeconds)) throw invalid('exp', 'too long after iat');
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function invalid(claim: string, reason: string): TokenError {
  return new TokenError('TOKEN_CLAIM_INVALID', `${claim}: ${reason}`, { claim });
}
