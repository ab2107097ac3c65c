import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { AuditFacts } from '../audit/audit-record.ts';
import { AuditedWork, Auditor } from '../audit/auditor.ts';
import { CONFIG } from '../config/config-token.ts';
import type { Config } from '../config/config.ts';
import { CachedSubjectDirectories } from '../directory/cached-subject.directories.ts';
import type { SubjectDirectories } from '../directory/subject.ts';
import { epochSeconds } from '../domain/clock.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { buildClaims } from '../issuing/claims.ts';
import { JwtIssuer } from '../issuing/jwt-issuer.ts';
import { AttemptLimit } from '../rate-limit/attempt-limit.ts';
import { type Concern, FailureLimits } from '../rate-limit/failure-limits.ts';
import { ReplayProtection } from '../replay/replay-protection.ts';
import { IssueGate } from '../revocation/issue-gate.ts';
import type { Client } from '../tenancy/tenant.ts';
import { TenantRepository } from '../tenancy/tenant.repository.ts';
import type { AuthenticatedClient } from './authenticated-client.ts';
import { authorize } from './authorize.ts';
import type { AuthenticationProgress, Grant, TokenRequest, TokenRequestInput } from './grant.ts';

/** RFC 6749, section 5.1. */
export interface TokenResponse {
  readonly access_token: string;
  /** Whole seconds from now. */
  readonly expires_in: number;
  readonly token_type: 'Bearer';
}

/** The one path to a token, for every grant. The types are what the steps call: `explain` runs the same steps without a signer. */
@Injectable()
export class TokenPipeline {
  readonly #publicUrl: string;
  readonly #limits: FailureLimits;
  readonly #gate: Pick<IssueGate, 'start' | 'refuseRevoked'>;
  readonly #tenants: Pick<TenantRepository, 'open'>;
  readonly #directories: SubjectDirectories;
  readonly #issuer: Pick<JwtIssuer, 'issue'>;
  readonly #replay: ReplayProtection;
  readonly #auditor: Pick<Auditor, 'run' | 'recordIssued'>;

  constructor(
    @Inject(CONFIG) { publicUrl }: Pick<Config, 'publicUrl'>,
    @Inject(FailureLimits) limits: FailureLimits,
    @Inject(IssueGate) gate: Pick<IssueGate, 'start' | 'refuseRevoked'>,
    @Inject(TenantRepository) tenants: Pick<TenantRepository, 'open'>,
    @Inject(CachedSubjectDirectories) directories: SubjectDirectories,
    @Inject(JwtIssuer) issuer: Pick<JwtIssuer, 'issue'>,
    @Inject(ReplayProtection) replay: ReplayProtection,
    @Inject(Auditor) auditor: Pick<Auditor, 'run' | 'recordIssued'>,
  ) {
    this.#publicUrl = publicUrl;
    this.#limits = limits;
    this.#gate = gate;
    this.#tenants = tenants;
    this.#directories = directories;
    this.#issuer = issuer;
    this.#replay = replay;
    this.#auditor = auditor;
  }

  /** @throws TesseraError with every code that an endpoint for tokens documents; the error is on record then */
  answer<Request extends TokenRequest>(grant: Grant<Request>, input: TokenRequestInput): Promise<TokenResponse> {
    const attempt = new TokenAttempt(input.request);
    return this.#auditor.run(attempt, this.#steps(grant, input, attempt));
  }

  /** Each step takes what the one before it returned. Nothing is written before the last two. */
  async #steps<Request extends TokenRequest>(
    grant: Grant<Request>,
    input: TokenRequestInput,
    attempt: TokenAttempt,
  ): Promise<TokenResponse> {
    try {
      // 1. Parse. What the request says is of the documented form, and not believed.
      const request = grant.parse(input);
      attempt.parsed = request;

      // 2. Limit.
      const limit = new AttemptLimit(this.#limits, input.request.source, grant.attemptKey(request));
      attempt.limit = limit;
      limit.check();

      // 3. Tenant. The token is of the time before anything that it says was read: a revocation of then ends it, however long the rest takes.
      const started = this.#gate.start(request.tenantId);
      const startedAtMs = typeof started === 'number' ? started : await started;
      const tenant = await this.#tenants.open(request.tenantId);

      // 4. Authenticate: the only step in which grants differ.
      const client = await grant.authenticate(tenant, request, attempt);
      // Once more: a client that needs no secret may have used up its limit meanwhile.
      limit.check();
      attempt.client = client;

      // 5. Authorize.
      const decision = await authorize(this.#directories, tenant, client, request.surface);
      attempt.subjectId = decision.facts.subject.id;

      // 6. Claims.
      const now = epochSeconds(startedAtMs);
      const claims = buildClaims(decision, { publicUrl: this.#publicUrl, now, jti: randomUUID() });

      // 7. Sign.
      const signed = await this.#issuer.issue(tenant, claims);
      this.#gate.refuseRevoked(claims, signed.kid);
      attempt.token = { tokenId: claims.jti, keyId: signed.kid };

      // 8. Redeem. Before the record, because a record that says `issued` must be true. When the record cannot be written then, the credentials
      // are used up for nothing, which costs their holder new ones; the other order would cost a second token or a false record.
      attempt.refuseIfOver();
      const { once } = client.facts;
      if (once !== undefined && !(await this.#replay.redeem(tenant.id, once))) throw attempt.redeemedBefore();

      // 9. Record. The token leaves when its record is durable.
      await this.#auditor.recordIssued(attempt);
      return { access_token: signed.token, expires_in: signed.expiresInSeconds, token_type: 'Bearer' };
    } catch (thrown) {
      const error = grant.hidesUnknownTenants ? withoutUnknownTenant(thrown) : thrown;
      const limit = attempt.limit ?? this.#limitOfUnparsed(grant.name, input.request.source);
      limit.count(error);
      throw error;
    }
  }

  #limitOfUnparsed(name: string, source: string): AttemptLimit {
    return new AttemptLimit(this.#limits, source, { key: name, isGuessable: false });
  }
}

/** What the steps of one request have returned so far: its record is made of this. Written by the pipeline alone. */
class TokenAttempt extends AuditedWork implements AuthenticationProgress {
  limit: AttemptLimit | undefined = undefined;
  parsed: TokenRequest | undefined = undefined;
  /** Known before it has authenticated. */
  foundClient: Client | undefined = undefined;
  client: AuthenticatedClient | undefined = undefined;
  subjectId: string | undefined = undefined;
  token: Required<Pick<AuditFacts, 'tokenId' | 'keyId'>> | undefined = undefined;

  override facts(): AuditFacts {
    const { parsed, foundClient, subjectId, token } = this;
    return {
      tenantId: parsed?.tenantId,
      projectId: foundClient?.projectId ?? parsed?.projectId,
      clientId: foundClient?.id ?? parsed?.clientId,
      subjectId,
      tokenId: token?.tokenId,
      keyId: token?.keyId,
      secretId: this.client?.facts.secretId,
    };
  }

  clientFound(client: Client): void {
    this.foundClient = client;
  }

  authenticated(): void {
    this.limit?.authenticated();
  }

  asksFor(concern: Concern, name: string): void {
    this.limit?.asksFor(concern, name);
  }

  /** The record of the error must not name a token that nobody ever gets. */
  redeemedBefore(): TesseraError {
    this.token = undefined;
    return new TesseraError('unauthorized', 'the foreign token is refused: it was used before');
  }
}

/** Whoever has no good credentials must not learn which tenants there are. */
function withoutUnknownTenant(error: unknown): unknown {
  return error instanceof TesseraError && error.code === 'client_not_found'
    ? new TesseraError('unauthorized', 'bearer: unknown tenant', { cause: error })
    : error;
}
