import type { VerifiedToken } from '@tessera/token/core';
import { Injectable } from '@nestjs/common';
import { type AuditedRequest, type Conclusion } from '../../audit/audit-record.ts';
import { AuditedWork, Auditor } from '../../audit/auditor.ts';
import { CallerAuthentication, type CallerLimit } from '../../clients/caller-authentication.ts';
import { type ClaimedClient, clientsOfName } from '../../clients/claimed-client.ts';
import { readClientCredentials } from '../../clients/client-credentials.ts';
import type { FormParameters } from '../../domain/text/form-text.ts';
import { type ClientId, parseTenantId, type ProjectId, type TenantId } from '../../domain/ids.ts';
import { type Surface, SURFACES } from '../../domain/surface.ts';
import { TesseraError } from '../../errors/tessera-error.ts';
import { askedSurface } from '../../http/routes/asked-surface.ts';
import { type AttemptKey, AttemptLimit } from '../../rate-limit/attempt-limit.ts';
import { FailureLimits } from '../../rate-limit/failure-limits.ts';
import { mayExchange } from '../../revocation/new-revocations.ts';
import { Revoker } from '../../revocation/revoker.ts';
import type { Client, Tenant } from '../../tenancy/tenant.ts';
import { TenantRepository } from '../../tenancy/tenant.repository.ts';
import { type ActiveToken, activeToken, activeTokenOrUndefined, INACTIVE, type InactiveToken } from './active-token.ts';
import { OwnTokenVerifier } from '../own-tokens.ts';

/** A request of RFC 7009 or RFC 7662. Nothing in it is verified yet. */
export interface TokenStatusRequest {
  /** The tenant id in the path. */
  readonly tenant: string;
  /** All Authorization headers. */
  readonly authorization: readonly string[] | undefined;
  readonly body: unknown;
}

interface AuthenticatedRequest {
  readonly client: Client;
  readonly tenant: Tenant;
  /** The token, if it is valid now and belongs to this tenant and the client's project; undefined otherwise. */
  readonly token: VerifiedToken | undefined;
}

/**
 * Introspection and revocation of a tenant's tokens. A client authenticates as at the token endpoint: with the same credentials, under the same limit
 * on failures, and its failures are recorded. It sees only the tokens of its own project; any other token is reported like an invalid one.
 */
@Injectable()
export class TokenStatus {
  readonly #tenants: TenantRepository;
  readonly #callers: CallerAuthentication;
  readonly #limits: FailureLimits;
  readonly #tokens: OwnTokenVerifier;
  readonly #revoker: Revoker;
  readonly #auditor: Auditor;

  constructor(
    tenants: TenantRepository,
    callers: CallerAuthentication,
    limits: FailureLimits,
    tokens: OwnTokenVerifier,
    revoker: Revoker,
    auditor: Auditor,
  ) {
    this.#tenants = tenants;
    this.#callers = callers;
    this.#limits = limits;
    this.#tokens = tokens;
    this.#revoker = revoker;
    this.#auditor = auditor;
  }

  /** RFC 7662. @throws TesseraError route_not_found, invalid_request, invalid_client, too_many_requests, temporarily_unavailable */
  introspect(request: TokenStatusRequest, audited: AuditedRequest): Promise<ActiveToken | InactiveToken> {
    const work = new TokenStatusWork(audited);
    return this.#auditor.run(work, this.#introspect(request, work));
  }

  /**
   * RFC 7009. The revocation is in force in this process when it resolves. A token that is no longer valid is not an error (section 2.2).
   *
   * @throws TesseraError as above, and unauthorized_client for a token that was issued to another client of the project (section 2.1)
   */
  revoke(request: TokenStatusRequest, audited: AuditedRequest): Promise<void> {
    const work = new TokenStatusWork(audited);
    return this.#auditor.run(work, this.#revoke(request, work));
  }

  async #introspect(request: TokenStatusRequest, work: TokenStatusWork): Promise<ActiveToken | InactiveToken> {
    const { token } = await this.#authenticate(request, work, (form) => [askedSurface(form.get('surface'))]);
    return token === undefined ? INACTIVE : activeToken(token, { token_type: 'Bearer' });
  }

  async #revoke(request: TokenStatusRequest, work: TokenStatusWork): Promise<void> {
    const { client, tenant, token } = await this.#authenticate(request, work, () => SURFACES);
    if (token === undefined) return;
    if (token.clientId !== client.id)
      throw new TesseraError('unauthorized_client', 'the token was issued to another client');
    const revoking = {
      projectId: client.projectId,
      id: client.id,
      // Another server may know the tenant's first exchange already, and have made a descendant.
      isTokenExchangeable: mayExchange(tenant) || mayExchange(await this.#tenants.openAnew(tenant.id)),
      isOnlyOneOfItsName: clientsOfName(tenant, { projectId: undefined, clientId: client.id }).length === 1,
    };
    // The revoker writes the record with the revocation, in one transaction.
    work.success = this.#auditor.recordOf(work, 'revoked', undefined);
    await this.#revoker.revoke(token, revoking, work.success);
  }

  async #authenticate(
    request: TokenStatusRequest,
    work: TokenStatusWork,
    surfacesOf: (form: FormParameters) => readonly Surface[],
  ): Promise<AuthenticatedRequest> {
    const tenantId = tenantOf(request.tenant);
    work.tenantId = tenantId;
    const { token, form } = readForm(request.body);
    const surfaces = surfacesOf(form);
    const tenant = await openTenant(this.#tenants, tenantId);
    const client = await this.#clientOf(tenant, request.authorization, form, work);
    return { client, tenant, token: await this.#find(client, token, surfaces, work) };
  }

  async #clientOf(
    tenant: Tenant,
    authorization: readonly string[] | undefined,
    form: FormParameters,
    work: TokenStatusWork,
  ): Promise<Client> {
    const { source, route } = work.request;
    // A request that names no client is not a guess. It counts separately, so that it cannot block a client.
    const limit = new AttemptLimit(this.#limits, source, { key: `${route} ${tenant.id}`, isGuessable: false });
    work.limit = limit;
    try {
      const presented = readClientCredentials(authorization, form);
      work.named(presented.claimed);
      const { client, secretId } = await this.#callers.authenticate(tenant, presented, progressOf(limit, work));
      work.secretId = secretId;
      return client;
    } catch (error) {
      limit.count(error);
      throw error;
    }
  }

  async #find(
    client: Client,
    token: string,
    surfaces: readonly Surface[],
    work: TokenStatusWork,
  ): Promise<VerifiedToken | undefined> {
    const verified = await activeTokenOrUndefined(this.#tokens.verifyAt(token, surfaces), work);
    if (verified === undefined) return undefined;
    if (verified.tenantId !== work.tenantId || verified.projectId !== client.projectId) {
      work.reason = 'the token is of another project';
      return undefined;
    }
    work.subjectId = verified.subject;
    work.tokenId = verified.tokenId;
    return verified;
  }
}

/** The facts that the steps of one request have established. */
class TokenStatusWork extends AuditedWork {
  tenantId: TenantId | undefined = undefined;
  projectId: ProjectId | undefined = undefined;
  clientId: ClientId | undefined = undefined;
  secretId: string | undefined = undefined;
  subjectId: string | undefined = undefined;
  tokenId: string | undefined = undefined;
  /** Why the token is not active. */
  reason: string | undefined = undefined;

  /** The client of the request, known or not. */
  named({ projectId, clientId }: ClaimedClient): void {
    this.projectId = projectId;
    this.clientId = clientId;
  }

  override facts(): Conclusion {
    const { tenantId, projectId, clientId, secretId, subjectId, tokenId, reason } = this;
    return { tenantId, projectId, clientId, secretId, subjectId, tokenId, reason };
  }
}

function progressOf(limit: AttemptLimit, work: TokenStatusWork): CallerLimit {
  return {
    identified: (attempt: AttemptKey) => {
      limit.identified(attempt);
    },
    clientFound: (client) => {
      work.named({ projectId: client.projectId, clientId: client.id });
    },
    authenticated: () => {
      limit.authenticated();
    },
  };
}

function tenantOf(path: string): TenantId {
  const id = parseTenantId(path);
  if (id === undefined) throw new TesseraError('route_not_found', 'not a tenant id');
  return id;
}

/** An unknown tenant is answered with 404, as for the tenant's documents. */
async function openTenant(tenants: TenantRepository, id: TenantId): Promise<Tenant> {
  try {
    return await tenants.open(id);
  } catch (error) {
    if (error instanceof TesseraError && error.code === 'client_not_found')
      throw new TesseraError('route_not_found', error.reason, { cause: error });
    throw error;
  }
}

/** Unknown parameters are ignored (RFC 6749, section 3.2), and so is `token_type_hint`, because there is only one token type. */
function readForm(body: unknown): { readonly form: FormParameters; readonly token: string } {
  const form = body instanceof Map ? (body as FormParameters) : undefined;
  const token = form?.get('token');
  if (form === undefined || token === undefined)
    throw new TesseraError('invalid_request', 'the form has no token', { detail: 'token is missing.' });
  return { form, token };
}
