import type { PresentedToken } from '../../../domain/presented-token.ts';
import { SUBJECT_TOKEN_STEPS, type SubjectTokenDeps } from '../../../identity-providers/verify-subject-token.ts';
import type { AttemptKey } from '../../../rate-limit/attempt-limit.ts';
import type { Tenant } from '../../../tenancy/tenant.ts';
import type { AuthenticatedClient } from '../../authorize.ts';
import type { ExplainedGrant } from '../../explain.ts';
import { type AuthenticationProgress, type TokenRequest, type TokenRequestInput, tokenResponse } from '../../grant.ts';
import { activeClient, authenticateSubject, withoutUnknownTenant } from './oidc-exchange.grant.ts';

/** The actor in the explained claims: an explanation has no bearer that names one. */
const UNKNOWN_ACTOR = '(the subject of the bearer)';

/** The exchange of a subject token by a client that is not authenticated. Only for `explain`: no server uses this grant. */
export class ExplainedExchangeGrant implements ExplainedGrant<TokenRequest> {
  readonly name = 'explain';
  readonly type = undefined;
  readonly respond = tokenResponse;
  readonly errorOf = withoutUnknownTenant;
  readonly steps = ['client', ...SUBJECT_TOKEN_STEPS];
  readonly passed: string[] = [];
  readonly assumed = new Map<string, string>();
  readonly found = new Map<string, string>();
  readonly #parts: SubjectTokenDeps;
  readonly #tenant: Tenant;
  readonly #client: { readonly projectId: string; readonly clientId: string };
  readonly #token: PresentedToken;

  constructor(
    parts: SubjectTokenDeps,
    tenant: Tenant,
    client: { readonly projectId: string; readonly clientId: string },
    token: PresentedToken,
  ) {
    this.#parts = parts;
    this.#tenant = tenant;
    this.#client = client;
    this.#token = token;
  }

  parse({ surface }: TokenRequestInput): TokenRequest {
    return { surface, tenantId: this.#tenant.id };
  }

  attemptKey(): AttemptKey {
    return { key: this.name, isGuessable: false };
  }

  authenticate(
    tenant: Tenant,
    { surface }: TokenRequest,
    progress: AuthenticationProgress,
  ): Promise<AuthenticatedClient> {
    const client = activeClient(tenant, this.#client.projectId, this.#client.clientId);
    this.passed.push('client');
    progress.authenticated();
    const presentation = { tenant, client, surface, token: this.#token };
    return authenticateSubject(this.#parts, presentation, UNKNOWN_ACTOR, (step) => this.passed.push(step));
  }
}
