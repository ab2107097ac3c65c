import {
  type CanActivate,
  type ExecutionContext,
  type HttpException,
  Inject,
  Injectable,
  Logger,
} from '@nestjs/common';
import { demandFreshRevocations, isVerifiedToken, TokenError, type VerifiedToken } from '@tessera/token';
import { bearerOf } from './bearer.ts';
import { carryToken, requestOf } from './carried-token.ts';
import { TESSERA_GUARD, VERIFIER_OF_GUARD } from './guard-mark.ts';
import { TESSERA_CLIENT_OPTIONS, type TesseraClientOptions } from '../client-options.ts';
import { refusalLine } from './refusal-line.ts';
import { checkRealm, type Refusal, refuse } from './refusal.ts';
import { isMet, type Requirement } from '../rules/requirement.ts';
import { rulesOfCall } from '../rules/rules-of-call.ts';
import { exceptionOfTransport } from './transport-exception.ts';
import { TesseraVerifier } from '../tessera-verifier.ts';

/** Accepts a call if its token is valid and meets the handler's requirements. Otherwise refuses it. */
@Injectable()
export class TesseraGuard implements CanActivate {
  static readonly [TESSERA_GUARD] = true;
  readonly #verifier: TesseraVerifier;
  readonly #options: TesseraClientOptions;
  readonly #realm: string;
  readonly #logger = new Logger('TesseraGuard');
  /** For the check of applications with several modules. */
  readonly [VERIFIER_OF_GUARD]: TesseraVerifier;

  constructor(
    @Inject(TesseraVerifier) verifier: TesseraVerifier,
    @Inject(TESSERA_CLIENT_OPTIONS) options: TesseraClientOptions,
  ) {
    this.#verifier = verifier;
    this[VERIFIER_OF_GUARD] = verifier;
    this.#options = options;
    const [firstAudience] = [options.audience].flat();
    this.#realm = checkRealm(options.realm ?? firstAudience);
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { isPublic, requirements } = rulesOfCall(context);
    if (isPublic) return true;
    let refusal: Refusal | undefined;
    let token: string | undefined;
    try {
      token = this.extractToken(context);
      refusal =
        token === undefined ? MISSING : this.#admit(context, requirements, token, await this.#verifier.verify(token));
    } catch (error) {
      refusal = refusalFor(error);
    }
    if (refusal === undefined) return true;
    const { code, reason, cause } = refusal;
    this.#logger.debug(cause === undefined ? `${code}: ${reason}` : refusalLine(cause, token, this.#verifier));
    const exception = refuse(context, refusal, this.#realm);
    await this.onRefused(context, exception);
    throw await exceptionOfTransport(context, exception);
  }

  /**
   * Returns the token of a call. Override it to read the token from elsewhere.
   *
   * @returns undefined if there is none
   * @throws TokenError if there is something that is not a token
   */
  protected extractToken(context: ExecutionContext): string | undefined {
    const request = requestOf(context);
    if (request === undefined) return this.#options.extractToken?.(context);
    const bearer = bearerOf(request);
    if (bearer.kind === 'none') return undefined;
    if (bearer.kind === 'token') return bearer.token;
    throw new TokenError('TOKEN_MALFORMED', 'the header is not exactly one bearer token');
  }

  /**
   * Called before a refusal is answered, in every transport with the HttpException of the refusal: status 401, 403 or 503. Its `cause` is the
   * TokenError, if there is one. Unless this method throws another exception, a WebSocket message or a microservice's call is then refused with a
   * `WsException` or `RpcException`, anything else with this one. It cannot turn a refusal into an acceptance.
   */
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- the parameters are for those who override it
  protected onRefused(_context: ExecutionContext, _error: HttpException): void | Promise<void> {
    return undefined;
  }

  /** @returns undefined if the call is accepted */
  #admit(
    context: ExecutionContext,
    requirements: readonly Requirement[],
    bearer: string,
    token: VerifiedToken,
  ): Refusal | undefined {
    // The verifier can be replaced, by a test double as well. Its result must still have been verified.
    if (!isVerifiedToken(token)) throw new TokenError('KEYS_UNAVAILABLE', 'the verifier gave no verified token');
    if (requirements.some(({ kind }) => kind === 'freshRevocations')) demandFreshRevocations(this.#verifier, token);
    const refusal = firstUnmet(context, requirements, token);
    if (refusal === undefined) carryToken(context, token, bearer);
    return refusal;
  }
}

const MISSING: Refusal = { code: 'token_missing', reason: 'the request has no token' };

/** Rethrows errors that are not about the token. */
function refusalFor(error: unknown): Refusal {
  if (!(error instanceof TokenError)) throw error;
  const code = error.verdict === 'refused' ? 'invalid_token' : 'temporarily_unavailable';
  return { code, reason: error.reason, cause: error };
}

function firstUnmet(
  context: ExecutionContext,
  requirements: readonly Requirement[],
  token: VerifiedToken,
): Refusal | undefined {
  if (requirements.length === 0) return undefined;
  const { params = {} } = (requestOf(context) ?? {}) as { readonly params?: Readonly<Record<string, unknown>> };
  const unmet = requirements.find((requirement) => !isMet(requirement, token, params));
  if (unmet === undefined) return undefined;
  const reason = `requirement not met: ${unmet.kind}`;
  if (unmet.kind !== 'scopes') return { code: 'insufficient_scope', reason };
  // RFC 6750, section 3: all scopes that the resource requires, not only the missing ones.
  const scopes = requirements.flatMap((requirement) => (requirement.kind === 'scopes' ? requirement.names : []));
  return { code: 'insufficient_scope', reason, scopes: [...new Set(scopes)] };
}
