import type { SubjectReference } from '../directory/subject.ts';
import { isIssuerOfThisService } from '../domain/issuer.ts';
import type { Client, Tenant, Trust } from '../tenancy/tenant.ts';
import { type Clock, CLOCK_SKEW_SECONDS, epochSeconds } from '../domain/clock.ts';
import type { Surface } from '../domain/surface.ts';
import { CLAIM_CHECKS, mapSubject } from './claim-checks.ts';
import { signatureHolds } from './subject-token-algorithm.ts';
import type { ProviderKey } from './keys/provider-key-set.ts';
import { type SubjectToken, parseSubjectToken, replayId } from './subject-token.ts';
import { refusedToken } from './subject-token-refusal.ts';
import { isTypeAllowed } from './subject-token-type.ts';
import type { PresentedToken } from '../domain/presented-token.ts';
import type { OneTimeProof } from '../replay/replay-protection.ts';
import type { RemoteKeySets } from './keys/remote-key-sets.ts';

export interface SubjectTokenDeps {
  /** The base of this service's own issuers. */
  readonly publicUrl: string;
  readonly keySets: RemoteKeySets;
  readonly clock: Clock;
}

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
export const SUBJECT_TOKEN_STEPS = [
  'form',
  'trust',
  'key',
  'signature',
  ...(Object.keys(CLAIM_CHECKS) as (keyof typeof CLAIM_CHECKS)[]),
  'subject',
] as const;
export type SubjectTokenStep = (typeof SUBJECT_TOKEN_STEPS)[number];

/**
 * Verifies a subject token with the issuer that this tenant trusts for this client and surface. Before the trusted issuer is found, no outgoing
 * connection is made. Before the signature is verified, the token's content is used only to find the key.
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
  const trust = trustFor(deps.publicUrl, presentation, token);
  passed('trust', token.issuer);
  const question = { account: `${presentation.tenant.id}/${trust.id}`, token };
  const { key, isFresh } = await deps.keySets.find(trust, question);
  passed('key', token.issuer);
  if (!confirms(key, token)) {
    // Some issuers replace a key and keep its kid.
    const newer = isFresh ? undefined : await deps.keySets.findAgain(trust, question, key);
    if (newer === undefined || !confirms(newer, token)) throw refusedToken('the key does not confirm its signature');
  }
  passed('signature', token.issuer);

  const judged = { claims: token.claims, trust, now: epochSeconds(deps.clock.nowMs()) };
  for (const [step, refusalOf] of Object.entries(CLAIM_CHECKS)) {
    const refusal = refusalOf(judged);
    if (refusal !== undefined) throw refusedToken(refusal);
    passed(step as keyof typeof CLAIM_CHECKS, token.issuer);
  }
  const { subject, refusal } = mapSubject(judged);
  if (subject === undefined) throw refusedToken(refusal);
  passed('subject', token.issuer);

  // The checks have verified that it is a number.
  const end = Math.floor(token.claims['exp'] as number);
  return {
    trust,
    subject,
    notAfter: end,
    once: { issuer: trust.issuer, tokenId: replayId(token), until: end + CLOCK_SKEW_SECONDS },
  };
}

/** A tenant has at most one trusted issuer per URL. Compared exactly: another letter case, port or slash is another issuer. */
function trustFor(publicUrl: string, { tenant, client, surface }: Presentation, token: SubjectToken): Trust {
  // Our own tokens authenticate a client, not a subject. If they were accepted here, every token could be renewed forever.
  if (isIssuerOfThisService(publicUrl, token.issuer)) throw refusedToken('it is one of ours');
  const trust = tenant.trusts.find(({ issuer }) => issuer === token.issuer);
  if (trust === undefined) throw refusedToken('this tenant does not trust its issuer');
  if (!trust.clients.includes(client.id)) throw refusedToken('its issuer is not trusted for this client');
  const surfaces: readonly Surface[] = trust.surfaces;
  if (!surfaces.includes(surface)) throw refusedToken('its issuer is not trusted for this surface');
  if (!trust.algorithms.includes(token.algorithm)) throw refusedToken('its issuer is not trusted with this algorithm');
  if (!isTypeAllowed(token.type, trust.types)) throw refusedToken('its issuer is not trusted with tokens of this typ');
  return trust;
}

function confirms({ publicKey }: ProviderKey, { algorithm, signingInput, signature }: SubjectToken): boolean {
  return signatureHolds(algorithm, publicKey, signingInput, signature);
}
