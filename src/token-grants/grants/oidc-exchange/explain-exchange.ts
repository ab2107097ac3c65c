import { randomUUID } from 'node:crypto';
import type { TesseraClaims } from '@tessera/token';
import { admit } from '../../authorize.ts';
import { AuthenticatedClient, sealAuthenticatedClient } from '../../authenticated-client.ts';
import type { SubjectDirectories } from '../../../directory/subject.ts';
import { TesseraError } from '../../../errors/tessera-error.ts';
import { buildClaims } from '../../../issuing/claims.ts';
import type { Tenant } from '../../../tenancy/tenant.ts';
import { epochSeconds } from '../../../domain/clock.ts';
import type { Surface } from '../../../domain/surface.ts';
import type { PresentedToken } from '../../../domain/presented-token.ts';
import { activeClient } from './authenticate-by-oidc.ts';
import {
  SUBJECT_TOKEN_STEPS,
  type SubjectTokenDeps,
  verifySubjectToken,
} from '../../../identity-providers/verify-subject-token.ts';

export interface ExplainDeps extends SubjectTokenDeps {
  readonly directories: SubjectDirectories;
}

/** What a client with a good bearer would show, and where. */
export interface ExplainedExchange {
  readonly tenant: Tenant;
  readonly projectId: string;
  readonly clientId: string;
  readonly surface: Surface;
  readonly token: PresentedToken;
}

export interface ExplainedHop {
  readonly hop: string;
  readonly outcome: 'passed' | 'refused' | 'not reached';
  /** The private reason of a refusal. */
  readonly reason?: string;
}

export interface Explanation {
  readonly hops: readonly ExplainedHop[];
  /** What the token would say; undefined when there would be none. */
  readonly claims: TesseraClaims | undefined;
}

const HOPS = ['client', ...SUBJECT_TOKEN_STEPS, 'admission', 'claims'] as const;
/** The bearer is not shown here: whoever explains has none. */
const UNKNOWN_ACTOR = '(the subject of the bearer)';

/**
 * The way of an exchange without its last hops: nothing is signed, recorded or spent, so that a token that was used before passes.
 *
 * @throws TesseraError of any other code than a refusal's
 */
export async function explainExchange(deps: ExplainDeps, exchange: ExplainedExchange): Promise<Explanation> {
  const passed: string[] = [];
  try {
    const claims = await claimsOf(deps, exchange, (hop) => passed.push(hop));
    return { hops: HOPS.map((hop) => ({ hop, outcome: 'passed' })), claims };
  } catch (error) {
    if (!(error instanceof TesseraError) || !['unauthorized', 'temporarily_unavailable'].includes(error.code))
      throw error;
    const { reason } = error;
    const hops = HOPS.map((hop, index): ExplainedHop => {
      if (index < passed.length) return { hop, outcome: 'passed' };
      return index === passed.length ? { hop, outcome: 'refused', reason } : { hop, outcome: 'not reached' };
    });
    return { hops, claims: undefined };
  }
}

async function claimsOf(
  deps: ExplainDeps,
  { tenant, projectId, clientId, surface, token }: ExplainedExchange,
  passed: (hop: (typeof HOPS)[number]) => void,
): Promise<TesseraClaims> {
  const client = activeClient(tenant, projectId, clientId);
  passed('client');
  const proof = await verifySubjectToken(deps, { tenant, client, surface, token }, passed);
  const caller = AuthenticatedClient[sealAuthenticatedClient]({
    client,
    subject: proof.subject,
    notAfter: proof.notAfter,
    exchange: { actor: { clientId: client.id, sub: UNKNOWN_ACTOR }, identityProvider: proof.trust.issuer },
    once: proof.once,
  });
  const admission = await admit(deps.directories, tenant, caller, surface);
  passed('admission');
  const now = epochSeconds(deps.clock.nowMs());
  const claims = buildClaims(admission, { publicUrl: deps.publicUrl, now, jti: randomUUID() });
  passed('claims');
  return claims;
}
