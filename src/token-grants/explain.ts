import type { TesseraClaims } from '@tessera/token';
import type { AuditFacts, AuditedRequest } from '../audit/audit-record.ts';
import type { SubjectDirectories } from '../directory/subject.ts';
import type { Clock } from '../domain/clock.ts';
import type { RequestOrigin } from '../domain/request-origin.ts';
import type { Surface } from '../domain/surface.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { FailureLimits } from '../rate-limit/failure-limits.ts';
import { ReplayProtection } from '../replay/replay-protection.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import type { Grant, TokenRequest } from './grant.ts';
import { TokenPipeline } from './token-pipeline.ts';

export interface ExplainParts {
  readonly publicUrl: string;
  readonly clock: Clock;
  readonly directories: SubjectDirectories;
}

/** A grant that lists its own steps and records which of them have passed. */
export interface ExplainedGrant<Request extends TokenRequest> extends Grant<Request> {
  readonly steps: readonly string[];
  readonly passed: readonly string[];
}

export interface ExplainedStep {
  readonly step: string;
  readonly outcome: 'passed' | 'refused' | 'not reached';
  /** The private reason of a refusal. */
  readonly reason?: string;
}

export interface Explanation {
  readonly steps: readonly ExplainedStep[];
  /** The claims that the token would have; undefined if there would be no token. */
  readonly claims: TesseraClaims | undefined;
}

const NOWHERE: RequestOrigin & AuditedRequest = Object.freeze({
  requestId: 'explain',
  route: 'explain',
  source: '',
  network: '',
  conclusion: undefined,
});

/** Thrown instead of signing: all steps up to the claims have passed. */
class ReachedSigning extends Error {
  readonly claims: TesseraClaims;

  constructor(claims: TesseraClaims) {
    super('there is no signer');
    this.claims = claims;
  }
}

class NothingToRedeem extends ReplayProtection {
  override redeem(): Promise<boolean> {
    return Promise.reject(new Error('nothing is redeemed without a signature'));
  }
}

/**
 * Runs the steps of the pipeline up to the one before signing: nothing is signed, redeemed or recorded, so a token that was exchanged before passes.
 *
 * @throws TesseraError with any code other than `unauthorized` and `temporarily_unavailable`
 */
export async function explain<Request extends TokenRequest>(
  { publicUrl, clock, directories }: ExplainParts,
  grant: ExplainedGrant<Request>,
  tenant: Tenant,
  surface: Surface,
): Promise<Explanation> {
  let facts: AuditFacts = {};
  const pipeline = new TokenPipeline(
    { publicUrl },
    new FailureLimits({ limits: { failuresPerMinute: Infinity } }, clock),
    { start: () => clock.nowMs(), refuseRevoked: () => undefined },
    { open: () => Promise.resolve(tenant) },
    directories,
    { issue: (_tenant, claims) => Promise.reject(new ReachedSigning(claims)) },
    new NothingToRedeem(),
    {
      run: (work, steps) =>
        steps.finally(() => {
          facts = work.facts();
        }),
      recordIssued: () => Promise.reject(new Error('nothing is recorded without a signature')),
    },
  );
  const error = await pipeline
    .answer(grant, { surface, body: undefined, request: NOWHERE })
    .then((): unknown => new Error('no token comes without a signature'))
    .catch((thrown: unknown) => thrown);
  const steps = [...grant.steps, 'admission', 'claims'];
  if (error instanceof ReachedSigning)
    return { steps: steps.map((step) => ({ step, outcome: 'passed' })), claims: error.claims };
  if (!(error instanceof TesseraError) || !['unauthorized', 'temporarily_unavailable'].includes(error.code))
    throw error;
  const { reason } = error;
  // If the subject is known, `authorize` has made its decision, so that step has passed.
  const passed = grant.passed.length + (facts.subjectId === undefined ? 0 : 1);
  return {
    steps: steps.map((step, index): ExplainedStep => {
      if (index < passed) return { step, outcome: 'passed' };
      return index === passed ? { step, outcome: 'refused', reason } : { step, outcome: 'not reached' };
    }),
    claims: undefined,
  };
}
