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

const TEXTS = ['iss', 'sub', 'aud', 'client_id', 'jti', 'tenant_id', 'project_id'] as const;
const LISTS = ['roles', 'groups', 'resources'] as const;

/** The `sub` of a service: the client itself. */
const CLIENT_SUBJECT = /^client:[a-z0-9][a-z0-9_-]{0,63}\/[a-z0-9][a-z0-9_-]{0,63}$/;
/** People read ids, so case makes no difference. */
const LOOKS_LIKE_CLIENT = /^client:/i;

/** Tessera refuses an exchange beyond it. Each actor is looked up among the revocations. */
const MAX_ACTORS = 4;

/**
 * Checks the claims of a token whose signature is verified: first their types, then their values.
 *
 * @throws TokenError
 */
export function checkClaims(claims: Readonly<Record<string, unknown>>, policy: ClaimPolicy): TesseraClaims {
  const known = checkTypes(claims);
  checkTenant(known);
  checkSurface(known, policy);
  checkSubject(known);
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
  if (claims.surface !== 'admin' && claims.surface !== 'user' && claims.surface !== 'service')
    throw invalid('surface', 'neither admin nor user nor service');
  if (claims.act !== undefined) checkActor(claims.act, MAX_ACTORS);
  if (claims.root !== undefined && !isText(claims.root)) throw invalid('root', 'not a non-empty string');
  if (claims.idp !== undefined && !isText(claims.idp)) throw invalid('idp', 'not a non-empty string');
  return claims as unknown as TesseraClaims;
}

/** RFC 8693, section 4.1: actors nest. */
function checkActor(actor: unknown, allowed: number): void {
  if (allowed === 0) throw invalid('act', `more than ${MAX_ACTORS} actors`);
  if (typeof actor !== 'object' || actor === null || Array.isArray(actor)) throw invalid('act', 'not an object');
  const { sub, client_id: clientId, act } = actor as Readonly<Record<string, unknown>>;
  if (!isText(sub)) throw invalid('act', 'without a sub');
  if (clientId !== undefined && !isText(clientId)) throw invalid('act', 'client_id is not a non-empty string');
  if (act !== undefined) checkActor(act, allowed - 1);
}

/** An issuer may issue tokens of its own tenant only. */
function checkTenant({ iss, tenant_id: tenantId }: TesseraClaims): void {
  if (iss.slice(iss.lastIndexOf('/') + 1) !== tenantId) throw invalid('tenant_id', 'contradicts the issuer');
}

function checkSurface({ surface }: TesseraClaims, { surfaces }: ClaimPolicy): void {
  if (!surfaces.includes(surface)) throw invalid('surface', 'not accepted here');
}

/** A client is no person and has no address. If a person's `sub` could name a client, rules for clients would apply to the person. */
function checkSubject({ surface, sub, email_id: email }: TesseraClaims): void {
  if (surface === 'service') {
    if (email !== undefined) throw invalid('email_id', 'present in the token of a service');
    if (!CLIENT_SUBJECT.test(sub)) throw invalid('sub', 'not the name of a client');
    return;
  }
  if (!isText(email)) throw invalid('email_id', 'not a non-empty string');
  if (LOOKS_LIKE_CLIENT.test(sub)) throw invalid('sub', 'the name of a client in the token of a person');
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
