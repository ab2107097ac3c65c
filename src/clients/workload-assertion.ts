import { failedCondition, printableName } from '../identity-providers/claims/conditions.ts';
import { BY_ANYONE } from '../identity-providers/keys/key-search-budget.ts';
import { listsSubjects } from '../identity-providers/claims/guarding-conditions.ts';
import type { SubjectToken } from '../identity-providers/subject-token.ts';
import {
  ISSUER_TOKEN_STEPS,
  type IssuerTokenDeps,
  type IssuerTokenStep,
  type VerifiedIssuerToken,
  verifyIssuerToken,
} from '../identity-providers/verify-issuer-token.ts';
import type { Client, Tenant, Trust, Workload } from '../tenancy/tenant.ts';
import { TesseraError } from '../errors/tessera-error.ts';

export interface VerifiedWorkload {
  readonly issuer: Trust['id'];
  /** When the assertion expires or reaches the maximum age of its issuer, whichever is earlier. Epoch seconds, ahead of now. */
  readonly notAfter: number;
}

/** In their order, after the form. */
export const WORKLOAD_STEPS = [...ISSUER_TOKEN_STEPS, 'workload'] as const;

/**
 * Verifies an assertion that an identity provider has issued to a workload, such as a Kubernetes service account. Everything that its issuer is
 * trusted with binds it; `clients`, `surfaces` and `subject` of the trusted issuer do not, because they are about people.
 *
 * @param passed called after each step; after a refusal, the failed step is the one after the last call
 * @throws TesseraError unauthorized, temporarily_unavailable
 */
export async function verifyWorkload(
  deps: IssuerTokenDeps,
  tenant: Tenant,
  { workload }: Client,
  token: SubjectToken,
  passed: (step: IssuerTokenStep | 'workload') => void,
): Promise<VerifiedWorkload> {
  if (workload === undefined) throw refused('the client is no workload');
  const question = {
    token,
    trustFor: (issuer: string) => trustOf(tenant, workload, issuer),
    // Anyone may present an assertion, but only a client an ID token: invented kids here must not use up the searches of the exchange.
    accountOf: ({ id }: Trust) => `${tenant.id}/${id}${BY_ANYONE}`,
  };
  const verified = await verifyIssuerToken(deps, question, passed);
  refuseOtherWorkload(verified, workload);
  const notAfter = endOf(verified);
  passed('workload');
  return { issuer: verified.trust.id, notAfter };
}

/** The client's configuration chooses the issuer, and the token must be of that one. */
function trustOf(tenant: Tenant, { issuer: id }: Workload, issuer: string): Trust {
  const trust = tenant.trusts.find((one) => one.id === id);
  if (trust === undefined) throw refused('the issuer of the workload is no more');
  if (trust.issuer !== issuer) throw refused('it is not of the issuer of the workload');
  return trust;
}

function refuseOtherWorkload({ claims }: VerifiedIssuerToken, { conditions }: Workload): void {
  // The tenants file refuses this. Checked again, because without such a condition every workload of the issuer would be this client.
  if (!listsSubjects(conditions)) throw refused('the workload has no condition that lists its sub');
  const failed = failedCondition(claims, conditions);
  if (failed !== undefined)
    throw refused(`it does not meet the condition of the workload on "${printableName(failed)}"`);
}

function endOf({ claims, trust, now, expiresAt }: VerifiedIssuerToken): number {
  const end = Math.min(expiresAt, Math.floor(claims['iat'] as number) + trust.maxAgeSeconds);
  // Without clock skew: our token never outlives it, and would have expired when it is issued.
  if (!(now < end)) throw refused('it is older than the trust allows');
  return end;
}

function refused(reason: string): TesseraError {
  return new TesseraError('unauthorized', reason);
}
