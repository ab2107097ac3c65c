import type { SubjectReference } from '../directory/subject.ts';
import type { Client, Tenant, Trust } from '../tenancy/tenant.ts';
import { CLOCK_SKEW_SECONDS } from '../domain/clock.ts';
import type { Surface } from '../domain/surface.ts';
import { mapSubject } from './claim-checks.ts';
import { parseSubjectToken, replayId } from './subject-token.ts';
import { refusedToken } from './subject-token-refusal.ts';
import type { PresentedToken } from '../domain/presented-token.ts';
import type { OneTimeProof } from '../replay/replay-protection.ts';
import { ISSUER_TOKEN_STEPS, type IssuerTokenDeps, verifyIssuerToken } from './verify-issuer-token.ts';

export type SubjectTokenDeps = IssuerTokenDeps;

/** Who presents the token, and where. */
export interface Presentation {
  readonly tenant: Tenant;
  readonly client: Client;
  readonly surface: Surface;
  readonly token: PresentedToken;
}

/** The result of verifying a subject token. */
export interface VerifiedSubject {
  readonly trust: Trust;
  readonly subject: SubjectReference;
  /** The expiry of the subject token, epoch seconds. */
  readonly notAfter: number;
  readonly once: OneTimeProof;
}

/** In their order. Each must pass before the next begins. */
export const SUBJECT_TOKEN_STEPS = ['form', ...ISSUER_TOKEN_STEPS, 'subject'] as const;
export type SubjectTokenStep = (typeof SUBJECT_TOKEN_STEPS)[number];

/**
 * Verifies a subject token with the issuer that this tenant trusts for this client and surface, and maps it to a subject.
 *
 * @param passed called after each step with the token's issuer; after a refusal, the failed step is the one after the last call
 * @throws TesseraError unauthorized, temporarily_unavailable
 */
export async function verifySubjectToken(
  deps: SubjectTokenDeps,
  presentation: Presentation,
  passed: (step: SubjectTokenStep, issuer: string) => void,
): Promise<VerifiedSubject> {
  const token = parseSubjectToken(presentation.token);
  passed('form', token.issuer);
  const question = {
    token,
    trustFor: (issuer: string) => trustFor(presentation, issuer),
    accountOf: ({ id }: Trust) => `${presentation.tenant.id}/${id}`,
  };
  const verified = await verifyIssuerToken(deps, question, (step) => {
    passed(step, token.issuer);
  });
  const { subject, refusal } = mapSubject(verified);
  if (subject === undefined) throw refusedToken(refusal);
  passed('subject', token.issuer);

  const { trust, expiresAt } = verified;
  return {
    trust,
    subject,
    notAfter: expiresAt,
    once: { issuer: trust.issuer, tokenId: replayId(token), until: expiresAt + CLOCK_SKEW_SECONDS },
  };
}

/** A tenant has at most one trusted issuer per URL. Compared exactly: another letter case, port or slash is another issuer. */
function trustFor({ tenant, client, surface }: Presentation, issuer: string): Trust {
  const trust = tenant.trusts.find((one) => one.issuer === issuer);
  if (trust === undefined) throw refusedToken('this tenant does not trust its issuer');
  if (!trust.clients.includes(client.id)) throw refusedToken('its issuer is not trusted for this client');
  const surfaces: readonly Surface[] = trust.surfaces;
  if (!surfaces.includes(surface)) throw refusedToken('its issuer is not trusted for this surface');
  return trust;
}
