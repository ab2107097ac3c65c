import type { SubjectReference } from '../directory/subject.ts';
import type { Trust } from '../tenancy/tenant.ts';
import { CLOCK_SKEW_SECONDS } from '../domain/clock.ts';
import { parseEmail } from '../domain/email.ts';

export interface JudgedClaims {
  readonly claims: Readonly<Record<string, unknown>>;
  readonly trust: Trust;
  /** Epoch seconds. */
  readonly now: number;
}

/** Returns the reason for refusing the token as a fixed phrase; undefined if the check passes. */
type Check = (judged: JudgedClaims) => string | undefined;

/**
 * The checks of the claims other than the subject, in the order of OpenID Connect Core, section 3.1.3.7. They run only after the signature was
 * verified.
 */
export const CLAIM_CHECKS: Readonly<Record<'kind' | 'audience' | 'times' | 'conditions', Check>> = {
  kind: refusalOfKind,
  audience: refusalOfAudience,
  times: refusalOfTimes,
  conditions: refusalOfConditions,
};

/** Refuses tokens that an issuer signs for other purposes than a login. */
function refusalOfKind({ claims }: JudgedClaims): string | undefined {
  if (!isText(claims['sub'])) return 'it has no subject';
  // RFC 8693, section 4.1: an actor presents the token on behalf of the subject, so the subject is not present.
  if (claims['act'] !== undefined) return 'it came from an exchange itself';
  // RFC 8417, section 2.2: logout tokens and other security events have the audience and the subject of an ID token.
  if (claims['events'] !== undefined) return 'it is a security event';
  // RFC 7800, section 3: only the holder of that key may use the token, and a bearer does not prove possession.
  if (claims['cnf'] !== undefined) return 'it is bound to a key';
  const { jti } = claims;
  if (jti !== undefined && !isText(jti)) return 'its jti is not a text';
  return undefined;
}

function refusalOfAudience({ claims, trust }: JudgedClaims): string | undefined {
  const { aud, azp } = claims;
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!audiences.every(isText)) return 'its audience is missing or not a text';
  if (!audiences.some((audience) => trust.audiences.includes(audience))) return 'it is for another audience';
  // OpenID Connect Core, section 3.1.3.7, rules 4 and 5: with several audiences, `azp` must name an accepted one.
  if (audiences.length > 1 && !(isText(azp) && trust.audiences.includes(azp)))
    return 'it is for several audiences and was asked for by another';
  return undefined;
}

/** RFC 7519, sections 4.1.4 to 4.1.6. Each condition states what must hold, so that a clock that returns NaN accepts nothing. */
function refusalOfTimes({ claims, trust, now }: JudgedClaims): string | undefined {
  const { iat, exp, nbf } = claims;
  if (!isTime(iat)) return 'its iat is missing or not a time';
  if (!isTime(exp)) return 'its exp is missing or not a time';
  if (nbf !== undefined && !isTime(nbf)) return 'its nbf is not a time';
  // Without clock skew: our token never outlives this one, and would have expired when it is issued.
  if (!(now < Math.floor(exp))) return 'it has expired';
  if (!(iat <= now + CLOCK_SKEW_SECONDS)) return 'it was issued in the future';
  if (nbf !== undefined && !(nbf <= now + CLOCK_SKEW_SECONDS)) return 'it is not valid yet';
  if (!(now <= iat + trust.maxAgeSeconds + CLOCK_SKEW_SECONDS)) return 'it is older than the trust allows';
  if (!(iat <= exp && exp - iat <= trust.maxLifetimeSeconds)) return 'its life is longer than the trust allows';
  return undefined;
}

function refusalOfConditions({ claims, trust: { conditions } }: JudgedClaims): string | undefined {
  if (conditions === 'none') return undefined;
  // Empty means none, never all.
  if (conditions.size === 0) return 'the trust has no conditions';
  for (const [claim, allowed] of conditions) {
    const value = claims[claim];
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (!values.some((item) => allowed.some((wanted) => wanted === item))) return 'it does not meet a condition';
  }
  return undefined;
}

export type MappedSubject =
  | { readonly subject: SubjectReference; readonly refusal?: undefined }
  /** A fixed phrase. */
  | { readonly subject?: undefined; readonly refusal: string };

// OpenID Connect Core, section 2: at most 255 ASCII characters. Longer texts match no linked identity.
const LINKED_SUB = /^[\x20-\x7e]{1,255}$/;

/** Maps the token to a subject of the tenant's directory, as the trusted issuer's settings say. */
export function mapSubject({ claims, trust }: JudgedClaims): MappedSubject {
  const { sub, email, email_verified: isVerified } = claims;
  if (trust.subject.match === 'linked') {
    if (typeof sub !== 'string' || !LINKED_SUB.test(sub)) return { refusal: 'its subject cannot be linked' };
    // The issuer is part of the identity: the same `sub` at another issuer is another person.
    return { subject: { by: 'identity', issuer: trust.issuer, sub } };
  }
  // Only the boolean `true`: some issuers let anyone write any address into an account (and sent `"true"`).
  if (isVerified !== true) return { refusal: 'its e-mail address is not verified' };
  const address = parseEmail(email);
  if (address === undefined) return { refusal: 'it has no usable e-mail address' };
  if (!trust.subject.domains.has(address.domain)) return { refusal: 'its e-mail domain is not one of the trust' };
  return { subject: { by: 'email', email: address.canonical } };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** NumericDate (RFC 7519, section 2), fractions included. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
}
