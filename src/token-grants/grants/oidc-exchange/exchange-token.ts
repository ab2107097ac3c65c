import { AttemptLimit } from '../../../rate-limit/attempt-limit.ts';
import { mintToken } from '../../mint-token.ts';
import type { TokenDesk } from '../../token-desk.ts';
import type { AuditTrace } from '../../../audit/audit-record.ts';
import { audited } from '../../../audit/audited.ts';
import type { TokenResponse } from '../../../audit/release.ts';
import { TesseraError } from '../../../errors/tessera-error.ts';
import type { FailureLimits } from '../../../rate-limit/failure-limits.ts';
import type { Log } from '../../../logging/log.ts';
import type { Surface } from '../../../domain/surface.ts';
import type { OidcTokenRequest } from './oidc-token-request.ts';
import { parseOidcTokenRequest } from './parse-oidc-token-request.ts';
import { type OidcAuthenticationDeps, authenticateByOidc } from './authenticate-by-oidc.ts';

/**
 * Failures here count apart from those of generateToken: users whose tokens have ended must not keep their client from getting its own bearer
 * with the right secret. What names no client at all counts under this alone.
 *
 * No attempt is refused before it is looked at. A bearer cannot be guessed, and who holds a good one must not be kept out by what others send in
 * the client's name, or by what its own users send: a limit that is used up replaces the answer to what fails.
 */
const LIMITED_DOOR = 'oidcToken';

/**
 * The door of oidcToken, the same for both surfaces: the parsed form, the limit on failures, and the one path to a token.
 *
 * Every refusal of a caller is on record, also one without a good bearer: each counts towards the limit, and a limited request is not recorded,
 * so that a flood does not become a flood of rows.
 */
export class ExchangeToken {
  readonly #desk: TokenDesk;
  readonly #proof: OidcAuthenticationDeps;
  readonly #limits: FailureLimits;
  readonly #log: Log;

  constructor(desk: TokenDesk, proof: OidcAuthenticationDeps, limits: FailureLimits, log: Log) {
    this.#desk = desk;
    this.#proof = proof;
    this.#limits = limits;
    this.#log = log;
  }

  /**
   * @param authorization every header of that name
   * @throws TesseraError with every code of the contract's page; the refusal is on record then
   */
  answer(
    surface: Surface,
    authorization: readonly string[] | undefined,
    body: unknown,
    trace: AuditTrace,
  ): Promise<TokenResponse> {
    return audited(
      this.#desk.trail,
      this.#log,
      () => this.#desk.clock.nowMs(),
      trace,
      async () => {
        const request = this.#parse(surface, authorization, body, trace.source);
        const limit = this.#limitOf(request.source, ` ${request.tenantId}/${request.claimedClient}`);
        return counted(limit, this.#mint(request, trace, limit));
      },
    );
  }

  #parse(
    surface: Surface,
    authorization: readonly string[] | undefined,
    body: unknown,
    source: string,
  ): OidcTokenRequest {
    try {
      return parseOidcTokenRequest(this.#desk.publicUrl, { surface, authorization, body, source });
    } catch (error) {
      this.#limitOf(source, '').count(error);
      throw error;
    }
  }

  #limitOf(source: string, client: string): AttemptLimit {
    return new AttemptLimit(this.#limits, source, LIMITED_DOOR + client, 'not guessable');
  }

  async #mint(request: OidcTokenRequest, trace: AuditTrace, limit: AttemptLimit): Promise<TokenResponse> {
    try {
      return await mintToken(
        this.#desk,
        request,
        (tenant) => authenticateByOidc(this.#proof, tenant, request, trace, limit),
        trace,
      );
    } catch (error) {
      // There is no 404 here: which tenants there are is no business of somebody whose bearer names one that is not.
      if (error instanceof TesseraError && error.code === 'client_not_found')
        throw new TesseraError('unauthorized', 'bearer: unknown tenant', { cause: error });
      throw error;
    }
  }
}

async function counted<T>(limit: AttemptLimit, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    limit.count(error);
    throw error;
  }
}
