import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { AuditedRequest, AuditFacts, ExchangeFacts, GrantFacts } from '../audit/audit-record.ts';
import { AuditedWork, Auditor } from '../audit/auditor.ts';
import { CONFIG, type Config } from '../config/config.ts';
import { CachedSubjectDirectories } from '../directory/cached-subject.directories.ts';
import type { Subject, SubjectDirectories } from '../directory/subject.ts';
import { epochSeconds } from '../domain/clock.ts';
import type { CanonicalEmail } from '../domain/email.ts';
import type { Surface } from '../domain/surface.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { buildClaims } from '../issuing/claims.ts';
import { JwtIssuer } from '../issuing/jwt-issuer.ts';
import { AttemptLimit, type AttemptKey } from '../rate-limit/attempt-limit.ts';
import { type Concern, FailureLimits } from '../rate-limit/failure-limits.ts';
import { ReplayProtection } from '../replay/replay-protection.ts';
import { IssueGate } from '../revocation/issue-gate.ts';
import { isLater } from '../runtime/awaitable.ts';
import type { Client } from '../tenancy/tenant.ts';
import { TenantRepository } from '../tenancy/tenant.repository.ts';
import type { AuthenticatedClient, SubjectLookUp } from './authorize.ts';
import { authorize } from './authorize.ts';
import type { AuthenticationProgress, Grant, RequestInput, TokenRequest } from './grant.ts';

/**
 * Issues tokens for every grant. The constructor takes only the methods that the steps call, so that `explain` can run the same steps without a
 * signer.
 */
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

  /** @throws TesseraError with the documented codes of the token endpoints; the error is recorded */
  answer<Request extends TokenRequest, Input extends RequestInput>(
    grant: Grant<Request, Input>,
    input: Input,
  ): Promise<string> {
    const attempt = new TokenAttempt(input.request, grant.type);
    return this.#auditor.run(attempt, this.#steps(grant, input, attempt));
  }

  /**
   * Each step takes the result of the one before. Nothing is written before the last two. A step whose data is in memory is not awaited, so that a
   * usual request waits twice: for its signature and for its record.
   */
  async #steps<Request extends TokenRequest, Input extends RequestInput>(
    grant: Grant<Request, Input>,
    input: Input,
    attempt: TokenAttempt,
  ): Promise<string> {
    try {
      // 1. Parse. The request has the documented form; nothing in it is verified yet.
      const request = grant.parse(input);
      attempt.parsed = request;

      // 2. Limit.
      const limit = new AttemptLimit(this.#limits, input.request.source, grant.attemptKey(request));
      attempt.limit = limit;
      limit.check();

      // 3. Tenant. The token's `iat` is the time before any of its data was read, so that a later revocation covers it, however long the rest takes.
      const started = this.#gate.start(request.tenantId);
      const startedAtMs = isLater(started) ? await started : started;
      const opening = this.#tenants.open(request.tenantId);
      const tenant = isLater(opening) ? await opening : opening;

      // 4. Authenticate: the only step in which grants differ.
      const authenticating = grant.authenticate(tenant, request, attempt);
      const client = isLater(authenticating) ? await authenticating : authenticating;
      // Checked again: a client that needs no secret may have used up its limit in the meantime.
      limit.check();
      attempt.client = client;

      // 5. Authorize.
      const deciding = authorize(this.#directories, tenant, client, request.surface, attempt);
      const decision = isLater(deciding) ? await deciding : deciding;

      // 6. Claims.
      const now = epochSeconds(startedAtMs);
      const built = buildClaims(decision, { publicUrl: this.#publicUrl, now, jti: randomUUID() });
      const { claims } = built;

      // 7. Sign.
      const signed = await this.#issuer.issue(tenant, built);
      this.#gate.refuseRevoked(claims, signed.kid);
      attempt.token = { tokenId: claims.jti, keyId: signed.kid };

      // 8. Redeem. Before the record, because a record that says `issued` must be true. If the record cannot be written after that, the credentials
      // are used up and their holder needs new ones. The other order could cause a second token or a false record.
      attempt.refuseIfOver();
      const { once } = client.facts;
      if (once !== undefined && !(await this.#replay.redeem(tenant.id, once))) throw attempt.redeemedBefore();

      // 9. Record. The token is released when its record is durable.
      await this.#auditor.recordIssued(attempt);
      return grant.respond(signed, claims);
    } catch (thrown) {
      const error = grant.errorOf(thrown);
      const limit = attempt.limit ?? this.#limitOfUnparsed(grant.name, input.request.source);
      limit.count(error);
      throw error;
    }
  }

  #limitOfUnparsed(name: string, source: string): AttemptLimit {
    return new AttemptLimit(this.#limits, source, { key: name, isGuessable: false });
  }
}

/** The results of the steps so far, from which the record is made. Only the pipeline writes it. */
class TokenAttempt extends AuditedWork implements AuthenticationProgress, SubjectLookUp {
  override limit: AttemptLimit | undefined = undefined;
  parsed: TokenRequest | undefined = undefined;
  /** Set before the client has authenticated. */
  foundClient: Client | undefined = undefined;
  client: AuthenticatedClient | undefined = undefined;
  subjectId: string | undefined = undefined;
  /** Until the client has authenticated. */
  exchange: ExchangeFacts | undefined = undefined;
  token: Required<Pick<AuditFacts, 'tokenId' | 'keyId'>> | undefined = undefined;
  readonly #grantType: string | undefined;

  constructor(request: AuditedRequest, grantType: string | undefined) {
    super(request);
    this.#grantType = grantType;
  }

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
      grant: this.#grantType === undefined ? undefined : this.#grantFacts(this.#grantType),
    };
  }

  override get tokenSurface(): Surface | undefined {
    return this.parsed?.surface;
  }

  #grantFacts(type: string): GrantFacts {
    const facts = this.client?.facts;
    if (facts === undefined) return { type, ...this.exchange };
    return {
      type,
      audience: facts.audience,
      actor: facts.exchange?.actor?.sub,
      parentTokenId: facts.parentTokenId,
      rootTokenId: facts.exchange?.rootTokenId,
    };
  }

  clientFound(client: Client): void {
    this.foundClient = client;
  }

  refusedFor(subjectId: string): void {
    this.subjectId = subjectId;
  }

  exchanges(exchange: ExchangeFacts): void {
    this.exchange = exchange;
  }

  subjectFound({ id }: Subject): void {
    this.subjectId = id;
  }

  addressUnknown(email: CanonicalEmail): void {
    const { parsed } = this;
    if (parsed !== undefined) this.unknownSubject = { tenantId: parsed.tenantId, email };
  }

  authenticated(): void {
    this.limit?.authenticated();
  }

  identified(key: AttemptKey): void {
    this.limit?.identified(key);
  }

  asksFor(concern: Concern, name: string): void {
    this.limit?.asksFor(concern, name);
  }

  passed(): void {
    // Only explanations name the checks of a grant.
  }

  /** The record of the error must not name a token that was never released. */
  redeemedBefore(): TesseraError {
    this.token = undefined;
    return new TesseraError('unauthorized', 'the subject token is refused: it was used before');
  }
}
