import type { TesseraClaims } from '@tessera/token';
import type { AuditedRequest } from '../audit/audit-record.ts';
import type { SubjectDirectories } from '../directory/subject.ts';
import type { Clock } from '../domain/clock.ts';
import type { RequestOrigin } from '../domain/request-origin.ts';
import type { ErrorCode } from '../errors/error-table.ts';
import { OperatorError } from '../errors/operator-error.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { CREDENTIALS_EXPIRED } from '../issuing/claims.ts';
import type { JwtIssuer } from '../issuing/jwt-issuer.ts';
import { FailureLimits } from '../rate-limit/failure-limits.ts';
import { ReplayProtection } from '../replay/replay-protection.ts';
import type { IssueGate } from '../revocation/issue-gate.ts';
import type { TenantRepository } from '../tenancy/tenant.repository.ts';
import type { AuthenticatedClientFacts } from './authorize.ts';
import type { Grant, RequestInput, TokenRequest, TokenRequestInput } from './grant.ts';
import { TokenPipeline } from './token-pipeline.ts';

export interface ExplainParts {
  readonly publicUrl: string;
  readonly clock: Clock;
  readonly tenants: Pick<TenantRepository, 'open'>;
  readonly directories: SubjectDirectories;
  readonly gate: Pick<IssueGate, 'start' | 'refuseRevoked'>;
  /** Checks what an issuer checks, and signs nothing. */
  readonly unsigned: Pick<JwtIssuer, 'issue'>;
}

/** A grant that lists the steps of its authentication and records which of them have passed. */
export interface ExplainedGrant<
  Request extends TokenRequest,
  Input extends RequestInput = TokenRequestInput,
> extends Grant<Request, Input> {
  readonly steps: readonly string[];
  readonly passed: readonly string[];
  /** What was assumed instead of verified, by step. */
  readonly assumed: ReadonlyMap<string, string>;
  /** What a step that has passed has found, where that is worth a line. */
  readonly found: ReadonlyMap<string, string>;
}

export interface ExplainedStep {
  readonly step: string;
  readonly outcome: 'ok' | 'assumed' | 'refused' | 'not reached';
  /** What was assumed or found, or the private reason of a refusal. */
  readonly reason?: string;
}

export interface Explanation {
  readonly steps: readonly ExplainedStep[];
  /** The claims that the token would have; undefined if there would be no token. */
  readonly claims: TesseraClaims | undefined;
  /** Why there would be no token; undefined if there would be one. */
  readonly refusal: TesseraError | undefined;
  /** What the grant has established; undefined if it has refused. */
  readonly authenticated: AuthenticatedClientFacts | undefined;
}

/** The origin of a request that nobody has sent. */
export const NOWHERE: RequestOrigin & AuditedRequest = Object.freeze({
  requestId: 'explain',
  route: 'explain',
  source: '',
  network: '',
  conclusion: undefined,
});

const NO_LIMIT = 'no failed attempts count against the request';

/** The errors that refuse a request. Any other is a failure of the explanation itself. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'invalid_scope',
  'invalid_target',
  'unauthorized',
  'unauthorized_client',
  'client_not_found',
  // Of the token endpoint, whose path has the tenant.
  'route_not_found',
  'token_too_large',
  'temporarily_unavailable',
]);

class NothingUsedBefore extends ReplayProtection {
  override redeem(): Promise<boolean> {
    return Promise.resolve(true);
  }
}

/**
 * Runs all steps of the pipeline, with an issuer that signs nothing. Nothing is redeemed or recorded, so a token that was exchanged before passes.
 *
 * @param input its `request` is `NOWHERE`
 * @throws TesseraError with a code that refuses no request
 */
export async function explain<Request extends TokenRequest, Input extends RequestInput>(
  { publicUrl, clock, tenants, directories, gate, unsigned }: ExplainParts,
  grant: ExplainedGrant<Request, Input>,
  input: Input,
): Promise<Explanation> {
  const passed = new Set<string>();
  let facts: AuthenticatedClientFacts | undefined;
  let claims: TesseraClaims | undefined;
  const watched: Grant<Request, Input> = {
    name: grant.name,
    type: grant.type,
    respond: (signed, built) => grant.respond(signed, built),
    errorOf: (error) => grant.errorOf(error),
    parse: (given) => {
      const request = grant.parse(given);
      passed.add('parse');
      return request;
    },
    attemptKey: (request) => grant.attemptKey(request),
    authenticate: async (tenant, request, progress) => {
      passed.add('tenant');
      const authenticated = await grant.authenticate(tenant, request, progress);
      ({ facts } = authenticated);
      return authenticated;
    },
  };
  const pipeline = new TokenPipeline(
    { publicUrl },
    new FailureLimits({ limits: { failuresPerMinute: Infinity }, caches: { tenants: 1 } }, clock),
    {
      start: (tenantId) => {
        passed.add('limit');
        return gate.start(tenantId);
      },
      refuseRevoked: (built, keyId) => {
        gate.refuseRevoked(built, keyId);
      },
    },
    tenants,
    directories,
    {
      issue: (tenant, built) => {
        passed.add('authorize').add('claims');
        ({ claims } = built);
        return unsigned.issue(tenant, built);
      },
    },
    new NothingUsedBefore(),
    {
      run: (_work, steps) => steps,
      recordIssued: () => {
        passed.add('sign');
        return Promise.resolve();
      },
    },
  );
  const refusal = await pipeline.answer(watched, input).then(() => undefined, refusalOf);
  if (refusal?.reason === CREDENTIALS_EXPIRED) passed.add('authorize');
  for (const step of grant.passed) passed.add(step);

  const assumed = new Map([['limit', NO_LIMIT], ...grant.assumed]);
  const steps = ['parse', 'limit', 'tenant', ...grant.steps, 'authorize', 'claims', 'sign'];
  const refusedAt = refusal === undefined ? steps.length : steps.findIndex((step) => !passed.has(step));
  return {
    steps: steps.map((step, index): ExplainedStep => {
      if (index > refusedAt) return { step, outcome: 'not reached' };
      if (index === refusedAt && refusal !== undefined) return { step, outcome: 'refused', reason: wordsOf(refusal) };
      const assumption = assumed.get(step);
      if (assumption !== undefined) return { step, outcome: 'assumed', reason: assumption };
      const reason = grant.found.get(step);
      return { step, outcome: 'ok', ...(reason !== undefined && { reason }) };
    }),
    claims: refusal === undefined ? claims : undefined,
    refusal,
    authenticated: facts,
  };
}

function refusalOf(error: unknown): TesseraError {
  if (error instanceof TesseraError && REFUSALS.has(error.code)) return error;
  // A command's stores say what to mend where a server only says that it cannot answer.
  if (error instanceof OperatorError) return new TesseraError('temporarily_unavailable', error.message);
  throw error;
}

/** The reason as in the audit record, with the detail of the answer where that says more. */
export function wordsOf({ code, reason, detail }: TesseraError): string {
  return code === 'invalid_request' || code === 'token_too_large' ? `${reason}. ${detail}` : reason;
}
