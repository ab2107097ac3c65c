import type { TesseraClaims } from '@tessera/token';
import type { SignedJwt } from '../../issuing/jwt-issuer.ts';
import type { AttemptKey } from '../../rate-limit/attempt-limit.ts';
import type { Awaitable } from '../../runtime/awaitable.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import type { AuthenticatedClient } from '../authorize.ts';
import type { ExplainedGrant } from '../explain.ts';
import type { AuthenticationProgress, Grant, TokenRequest } from '../grant.ts';
import { type AssumedCallers, CALLER_STEPS } from './assumed-callers.ts';
import type { TokenFormInput } from './token-form.ts';

/** A grant of the token endpoint over assumed callers. Only for `explain`: no server uses it. */
export class ExplainedFormGrant<Request extends TokenRequest> implements ExplainedGrant<Request, TokenFormInput> {
  readonly name = 'explain';
  readonly type = undefined;
  readonly steps: readonly string[];
  readonly #grant: Grant<Request, TokenFormInput>;
  readonly #callers: AssumedCallers;
  readonly #passed: string[] = [];

  /**
   * @param grant made with these callers
   * @param checks those of the grant, in their order
   */
  constructor(grant: Grant<Request, TokenFormInput>, callers: AssumedCallers, checks: readonly string[]) {
    this.#grant = grant;
    this.#callers = callers;
    this.steps = [...CALLER_STEPS, ...checks];
  }

  get passed(): readonly string[] {
    return [...this.#callers.passed, ...this.#passed];
  }

  get assumed(): ReadonlyMap<string, string> {
    return this.#callers.assumed;
  }

  get found(): ReadonlyMap<string, string> {
    return this.#callers.found;
  }

  parse(input: TokenFormInput): Request {
    return this.#grant.parse(input);
  }

  attemptKey(): AttemptKey {
    return { key: this.name, isGuessable: false };
  }

  authenticate(tenant: Tenant, request: Request, progress: AuthenticationProgress): Awaitable<AuthenticatedClient> {
    return this.#grant.authenticate(tenant, request, {
      clientFound: (client) => {
        progress.clientFound(client);
      },
      authenticated: () => {
        progress.authenticated();
      },
      refusedFor: (subjectId) => {
        progress.refusedFor(subjectId);
      },
      exchanges: (exchange) => {
        progress.exchanges(exchange);
      },
      identified: (key) => {
        progress.identified(key);
      },
      asksFor: (concern, name) => {
        progress.asksFor(concern, name);
      },
      passed: (check) => {
        this.#passed.push(check);
      },
    });
  }

  respond(signed: SignedJwt, claims: TesseraClaims): string {
    return this.#grant.respond(signed, claims);
  }

  errorOf(error: unknown): unknown {
    return this.#grant.errorOf(error);
  }
}
