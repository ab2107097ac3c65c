import { CLOCK_SKEW_SECONDS } from '../domain/clock.ts';
import { isNumericDate } from '../identity-providers/claims/numeric-date.ts';
import type { SubjectToken } from '../identity-providers/subject-token.ts';

/**
 * A client makes an assertion for each request, so it needs no longer life: most write a minute, which leaves room for clocks that differ. It bounds
 * how long a redeemed `jti` is kept.
 */
const MAX_LIFE_SECONDS = 5 * 60;
/** Several times the length of a UUID. */
const MAX_JTI_LENGTH = 255;
/** RFC 7523 has no type of its own, its update has the last one. The client may sign tokens of other types with the same key. */
const TYPES: ReadonlySet<string | undefined> = new Set([undefined, 'jwt', 'client-authentication+jwt']);

/**
 * The checks of a client's own assertion (RFC 7523, section 3), in the order of the RFC. They run only after the signature was verified. Each states
 * what must hold, so that a clock that returns NaN accepts nothing.
 *
 * @param issuer of the tenant
 * @param now epoch seconds
 * @returns the reason for refusing it, a fixed phrase; undefined if it passes
 */
export function refusalOfClientAssertion(
  { claims, type }: Pick<SubjectToken, 'claims' | 'type'>,
  issuer: string,
  now: number,
): string | undefined {
  const { iss, sub, aud, exp, nbf, iat, jti } = claims;
  if (!TYPES.has(type)) return 'its typ is of another kind of token';
  if (sub !== iss) return 'its sub is not its iss';
  // A client that writes another audience, or several, would sign for us what another server could present here (CVE-2025-27370).
  if (aud !== issuer) return 'its aud is not the issuer of this tenant, as one text';
  if (!isNumericDate(exp)) return 'its exp is missing or not a time';
  if (!(now < Math.floor(exp))) return 'it has expired';
  if (!(exp <= now + MAX_LIFE_SECONDS)) return 'its exp is more than 5 minutes ahead';
  if (nbf !== undefined && !isPast(nbf, now)) return 'its nbf is ahead, or not a time';
  if (iat !== undefined && !isPast(iat, now)) return 'its iat is ahead, or not a time';
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH)
    return 'its jti is missing, or not a text of at most 255 characters';
  return undefined;
}

function isPast(time: unknown, now: number): boolean {
  return isNumericDate(time) && time <= now + CLOCK_SKEW_SECONDS;
}
