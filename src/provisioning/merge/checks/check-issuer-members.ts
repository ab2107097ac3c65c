import { isGuardedBy } from '../../../identity-providers/claims/guarding-conditions.ts';
import type { IssuerSpec } from '../../file/tenants-file.ts';
import type { Faults, Thing } from '../thing.ts';

/** Checks the members of a trusted issuer that have a meaning only together. One of them may be written, and the others be there already. */
export function checkIssuerMembers(
  thing: Thing,
  issuer: IssuerSpec,
  wrote: (member: keyof IssuerSpec) => boolean,
  faults: Faults,
): void {
  const { audienceClaim, conditions, emailVerified, subject } = issuer;
  const isOpen =
    conditions === 'none' ||
    !isGuardedBy(
      conditions.map(([claim]) => claim),
      audienceClaim,
    );
  if (audienceClaim !== undefined && isOpen && (wrote('audienceClaim') || wrote('conditions')))
    faults.add(
      thing,
      'conditions',
      'must name a claim besides client_id, iss and aud, because of "audience_claim: client_id": a client id does not say what a token is for',
    );
  if (emailVerified !== undefined && subject.match !== 'email' && (wrote('emailVerified') || wrote('subject')))
    faults.add(
      thing,
      'email_verified',
      'must be left out without "match: email", where it has no meaning; null resets it',
    );
}
