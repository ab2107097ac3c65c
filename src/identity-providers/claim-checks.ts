import { isLinkableSub } from '../directory/linked-identity.ts';
import type { SubjectReference } from '../directory/subject.ts';
import type { FixedSubject, Trust } from '../tenancy/tenant.ts';
import { failedCondition, printableName } from './claims/conditions.ts';
import { CLOCK_SKEW_SECONDS } from '../domain/clock.ts';
import { parseEmail } from '../domain/email.ts';
import { isGuardedBy, topLevelClaim } from './claims/guarding-conditions.ts';
import { claimAt } from './claims/json-pointer.ts';
import { isNumericDate } from './claims/numeric-date.ts';
import type { SubjectTokenRefusal } from './subject-token-refusal.ts';

type Claims = Readonly<Record<string, unknown>>;

export interface JudgedClaims {
  readonly claims: Claims;
  readonly trust: Trust;
  /** Epoch seconds. */
  readonly now: number;
}

/**
 * Returns the reason for refusing the token; undefined if the check passes. It is a fixed phrase, or one with the name of a claim. It never holds a
 * value of the token.
 */
type Check = (judged: JudgedClaims) => SubjectTokenRefusal | undefined;

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
function refusalOfKind({ claims }: JudgedClaims): SubjectTokenRefusal | undefined {
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

function refusalOfAudience({ claims, trust }: JudgedClaims): SubjectTokenRefusal | undefined {
  const { aud, azp } = claims;
  const refusal = trust.audienceClaim === undefined ? refusalOfAud(aud, azp, trust) : refusalOfClientId(claims, trust);
  if (refusal !== undefined) return refusal;
  if (trust.azp !== undefined && !(isText(azp) && trust.azp.includes(azp)))
    return 'its azp is not one that the trust lists';
  return undefined;
}

function refusalOfAud(aud: unknown, azp: unknown, { audiences: ours }: Trust): SubjectTokenRefusal | undefined {
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!audiences.every(isText)) return 'its audience is missing or not a text';
  if (!audiences.some((audience) => ours.includes(audience))) return 'it is for another audience';
  // OpenID Connect Core, section 3.1.3.7, rule 3: no audience that we do not trust. One is tolerated if we asked for the token ourselves.
  if (!audiences.every((audience) => ours.includes(audience)) && !(isText(azp) && ours.includes(azp)))
    return 'it is for several audiences and was asked for by another';
  return undefined;
}

/** Access tokens that have no `aud`, such as those of Amazon Cognito, name in `client_id` who asked for them. */
function refusalOfClientId(
  { aud, client_id: clientId }: Claims,
  { audiences, conditions }: Trust,
): SubjectTokenRefusal | undefined {
  if (aud !== undefined) return 'it has an aud, which its issuer is trusted without';
  if (!isText(clientId)) return 'its client_id is missing or not a text';
  if (!audiences.includes(clientId)) return 'its client_id is not an audience of the trust';
  // The tenants file refuses this. Checked again, because without such a condition each token of the client would pass.
  if (conditions === 'none' || !isGuardedBy(conditions.keys(), 'client_id'))
    return 'the trust has no condition besides its client_id';
  return undefined;
}

/** RFC 7519, sections 4.1.4 to 4.1.6. Each condition states what must hold, so that a clock that returns NaN accepts nothing. */
function refusalOfTimes({ claims, trust, now }: JudgedClaims): SubjectTokenRefusal | undefined {
  const { iat, exp, nbf } = claims;
  if (!isNumericDate(iat)) return 'its iat is missing or not a time';
  if (!isNumericDate(exp)) return 'its exp is missing or not a time';
  if (nbf !== undefined && !isNumericDate(nbf)) return 'its nbf is not a time';
  // Without clock skew: our token never outlives this one, and would have expired when it is issued.
  if (!(now < Math.floor(exp))) return 'it has expired';
  if (!(iat <= now + CLOCK_SKEW_SECONDS)) return 'it was issued in the future';
  if (nbf !== undefined && !(nbf <= now + CLOCK_SKEW_SECONDS)) return 'it is not valid yet';
  if (!(now <= iat + trust.maxAgeSeconds + CLOCK_SKEW_SECONDS)) return 'it is older than the trust allows';
  if (!(iat <= exp && exp - iat <= trust.maxLifetimeSeconds)) return 'its life is longer than the trust allows';
  return undefined;
}

function refusalOfConditions({ claims, trust: { conditions } }: JudgedClaims): SubjectTokenRefusal | undefined {
  if (conditions === 'none') return undefined;
  // Empty means none, never all.
  if (conditions.size === 0) return 'the trust has no conditions';
  const failed = failedCondition(claims, conditions);
  // The claim's name is the operator's own, from the tenants file.
  return failed === undefined ? undefined : `it does not meet the condition on "${printableName(failed)}"`;
}

export type MappedSubject =
  | { readonly subject: SubjectReference; readonly refusal?: undefined }
  | { readonly subject?: undefined; readonly refusal: SubjectTokenRefusal };

const VERIFIED_IN_TEXT =
  'its email_verified is the text "true", not the boolean: the trust does not say email_verified: text_allowed';

/** Maps the token to a subject of the tenant's directory, as the trusted issuer's settings say. */
export function mapSubject({ claims, trust }: JudgedClaims): MappedSubject {
  const { sub, email, email_verified: isVerified } = claims;
  if (trust.subject.match === 'user') return fixedSubject(trust, trust.subject);
  if (trust.subject.match === 'linked') {
    const { claim } = trust.subject;
    const value = claim === undefined ? sub : claimAt(claims, claim);
    // A link is to the account that has this value. An address that anybody may write into an account is no such value.
    if (claim !== undefined && topLevelClaim(claim) === 'email' && isVerified !== true)
      return { refusal: 'its e-mail address is not verified' };
    if (typeof value !== 'string' || !isLinkableSub(value))
      return { refusal: claim === undefined ? 'its subject cannot be linked' : `its ${claim} cannot be linked` };
    // The issuer is part of the identity: the same `sub` at another issuer is another person.
    return { subject: { by: 'identity', issuer: trust.issuer, sub: value } };
  }
  // Only the boolean `true`: some issuers let anyone write any address into an account (and sent `"true"`). Of others the trust says that they
  // mean the boolean.
  if (isVerified !== true && !(isVerified === 'true' && trust.emailVerified === 'text_allowed'))
    return { refusal: isVerified === 'true' ? VERIFIED_IN_TEXT : 'its e-mail address is not verified' };
  const address = parseEmail(email);
  if (address === undefined) return { refusal: 'it has no usable e-mail address' };
  if (!trust.subject.domains.has(address.domain)) return { refusal: 'its e-mail domain is not one of the trust' };
  return { subject: { by: 'email', email: address.canonical } };
}

/** Every token that meets the conditions is about one subject, so they are checked to be there once more. */
function fixedSubject({ audienceClaim, conditions, surfaces }: Trust, { id }: FixedSubject): MappedSubject {
  if (conditions === 'none' || !isGuardedBy(conditions.keys(), audienceClaim))
    return { refusal: 'the trust has a fixed subject without conditions that choose its tokens' };
  if (surfaces.length !== 1) return { refusal: 'the trust has a fixed subject for more than one surface' };
  return { subject: { by: 'id', id } };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
