import type { AuditTrace } from '../../../audit/audit-record.ts';
import { audited } from '../../../audit/audited.ts';
import type { TokenResponse } from '../../../audit/release.ts';
import type { FailureLimits } from '../../../rate-limit/failure-limits.ts';
import type { Log } from '../../../logging/log.ts';
import type { SecretUses } from '../../../clients/secret-uses.ts';
import type { Tenant } from '../../../tenancy/tenant.ts';
import type { RequestOrigin } from '../../../domain/request-origin.ts';
import type { Surface } from '../../../domain/surface.ts';
import { AttemptLimit } from '../../../rate-limit/attempt-limit.ts';
import type { ClientSecrets } from '../../../clients/client-secrets.ts';
import { mintToken } from '../../mint-token.ts';
import { parseSecretTokenRequest } from './parse-secret-token-request.ts';
import { authenticateBySecret, type SecretAuthentication } from './authenticate-by-secret.ts';
import type { AuthenticatedClient } from '../../authenticated-client.ts';
import type { TokenDesk } from '../../token-desk.ts';
import type { SecretTokenRequest } from '../../token-request.ts';

/** The door of generateToken, the same for both surfaces: the parsed form, the limit on failures, and the one path to a token. */
export class GenerateToken {
  readonly #desk: TokenDesk;
  readonly #secrets: ClientSecrets;
  readonly #secretUses: SecretUses;
  readonly #limits: FailureLimits;
  readonly #log: Log;

  constructor(desk: TokenDesk, secrets: ClientSecrets, secretUses: SecretUses, limits: FailureLimits, log: Log) {
    this.#desk = desk;
    this.#secrets = secrets;
    this.#secretUses = secretUses;
    this.#limits = limits;
    this.#log = log;
  }

  /** @throws TesseraError with every code of the contract's page; the refusal is on record then */
  answer(surface: Surface, body: unknown, trace: AuditTrace & RequestOrigin): Promise<TokenResponse> {
    return audited(
      this.#desk.trail,
      this.#log,
      () => this.#desk.clock.nowMs(),
      trace,
      () => this.#mint(surface, body, trace),
    );
  }

  async #mint(surface: Surface, body: unknown, trace: AuditTrace & RequestOrigin): Promise<TokenResponse> {
    const request = parseSecretTokenRequest(body, surface, trace);
    trace.tenantId = request.tenantId;
    trace.projectId = request.projectId;
    trace.clientId = request.clientId;
    const limit = this.#limitOf(request);
    limit.check();
    try {
      return await mintToken(this.#desk, request, (tenant) => this.#prove(tenant, request, trace, limit), trace);
    } catch (error) {
      limit.count(error);
      throw error;
    }
  }

  /** Requests without a secret guess at none: they count apart, so that they close nothing to whoever has it. */
  #limitOf({ source, tenantId, projectId, clientId, credential, email }: SecretTokenRequest): AttemptLimit {
    const clientKey = `${tenantId}/${projectId}/${clientId}`;
    const attempted = credential === undefined ? `${clientKey} without secret` : clientKey;
    const limit = new AttemptLimit(this.#limits, source, attempted, 'guessable');
    limit.asksFor('subject', email.canonical);
    return limit;
  }

  async #prove(
    tenant: Tenant,
    request: SecretTokenRequest,
    trace: AuditTrace,
    limit: AttemptLimit,
  ): Promise<AuthenticatedClient> {
    let proof: SecretAuthentication;
    try {
      proof = await authenticateBySecret(this.#secrets, tenant, request, limit);
    } catch (error) {
      // Here, and not on the way out: before the next of those that waited for the same reading of Vault is judged.
      limit.count(error);
      throw error;
    }
    // Once more: a client that needs no secret may have used up its limit meanwhile.
    limit.check();
    const { caller, secretId } = proof;
    if (secretId !== undefined) {
      trace.secretId = secretId;
      this.#secretUses.record(tenant.id, request.projectId, request.clientId, secretId, this.#desk.clock.nowMs());
    }
    return caller;
  }
}
