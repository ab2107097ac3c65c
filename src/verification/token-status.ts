import type { VerifiedToken } from '@tessera/token/core';
import { AttemptLimit } from '../rate-limit/attempt-limit.ts';
import type { ClientSecrets } from '../clients/client-secrets.ts';
import { authenticateClient } from '../token-grants/grants/client-secret/authenticate-by-secret.ts';
import type { TokenDesk } from '../token-grants/token-desk.ts';
import type { AuditTrace } from '../audit/audit-record.ts';
import { audited } from '../audit/audited.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { askedSurface } from '../http/routes/asked-surface.ts';
import type { FailureLimits } from '../rate-limit/failure-limits.ts';
import type { FormParameters } from '../domain/form-text.ts';
import type { OwnTokenVerifier } from './own-tokens.ts';
import type { Log } from '../logging/log.ts';
import type { Revoker } from '../revocation/revoker.ts';
import type { SecretUses } from '../clients/secret-uses.ts';
import type { Client, Tenant } from '../tenancy/tenant.ts';
import { parseTenantId, type ProjectId, type TenantId } from '../domain/ids.ts';
import { type Surface, SURFACES } from '../domain/surface.ts';
import { type ActiveToken, activeToken, activeTokenOrUndefined, INACTIVE, type InactiveToken } from './active-token.ts';
import { type ClaimedClient, projectOf, readClientCredentials } from '../clients/client-credentials.ts';

export interface TokenStatusParts {
  readonly desk: TokenDesk;
  readonly secrets: ClientSecrets;
  readonly secretUses: SecretUses;
  readonly limits: FailureLimits;
  readonly tokens: OwnTokenVerifier;
  readonly revoker: Revoker;
  readonly log: Log;
}

/** A request of RFC 7009 or RFC 7662, nothing of it proven. */
export interface TokenStatusRequest {
  /** As the path has it. */
  readonly tenant: string;
  /** Every header of that name. */
  readonly authorization: readonly string[] | undefined;
  readonly body: unknown;
}

interface ProvenRequest {
  readonly client: Client;
  readonly tenant: Tenant;
  /** Good now, of this tenant and of the client's project; undefined: anything else. */
  readonly token: VerifiedToken | undefined;
}

/**
 * The doors of a tenant's introspection and revocation. A client proves itself as at generateToken: the same secrets, the same limit on failures, the
 * same record of refusals. It sees the tokens of its own project; any other is to it what a wrong one is.
 */
export class TokenStatus {
  readonly #parts: TokenStatusParts;

  constructor(parts: TokenStatusParts) {
    this.#parts = parts;
  }

  /** RFC 7662. @throws TesseraError route_not_found, invalid_request, invalid_client, too_many_requests, temporarily_unavailable */
  introspect(request: TokenStatusRequest, trace: AuditTrace): Promise<ActiveToken | InactiveToken> {
    return this.#answer(
      request,
      trace,
      (form) => [askedSurface(form.get('surface'))],
      ({ token }) => Promise.resolve(token === undefined ? INACTIVE : activeToken(token, { token_type: 'Bearer' })),
    );
  }

  /**
   * RFC 7009. In force here when it resolves. A token that is not good any more is no error (section 2.2).
   *
   * @throws TesseraError as above, and unauthorized_client for a token that was issued to another client of the project (section 2.1)
   */
  revoke(request: TokenStatusRequest, trace: AuditTrace): Promise<void> {
    return this.#answer(
      request,
      trace,
      () => SURFACES,
      async ({ client, tenant, token }) => {
        if (token === undefined) return;
        if (token.clientId !== client.id)
          throw new TesseraError('unauthorized_client', 'the token was issued to another client');
        trace.subjectId = token.subject;
        trace.outcome = 'revoked';
        const at = this.#parts.desk.clock.nowMs();
        const revoking = {
          projectId: client.projectId,
          id: client.id,
          isOnlyOneOfItsName:
            [...tenant.projects.values()].filter(({ clients }) => clients.has(client.id)).length === 1,
        };
        await this.#parts.revoker.revoke(token, revoking, { ...trace, at, outcome: 'revoked' });
      },
    );
  }

  #answer<T>(
    request: TokenStatusRequest,
    trace: AuditTrace,
    surfacesOf: (form: FormParameters) => readonly Surface[],
    work: (proven: ProvenRequest) => Promise<T>,
  ): Promise<T> {
    const { desk, log } = this.#parts;
    return audited(
      desk.trail,
      log,
      () => desk.clock.nowMs(),
      trace,
      async () => {
        const tenantId = tenantOf(request.tenant);
        trace.tenantId = tenantId;
        const { token, form } = readForm(request.body);
        const surfaces = surfacesOf(form);
        const { client, tenant } = await this.#prove(tenantId, request.authorization, form, trace);
        return work({ client, tenant, token: await this.#find(tenantId, client, token, surfaces, trace) });
      },
    );
  }

  /** Every refusal is one answer: `invalid_client`, whether the client is not there, is disabled or has another secret. */
  async #prove(
    tenantId: TenantId,
    authorization: readonly string[] | undefined,
    form: FormParameters,
    trace: AuditTrace,
  ): Promise<Pick<ProvenRequest, 'client' | 'tenant'>> {
    const { desk, limits } = this.#parts;
    const tenant = await openTenant(desk, tenantId);
    // What names no client guesses at nothing: it counts apart, so that it closes nothing to clients.
    let limit = new AttemptLimit(limits, trace.source, `${trace.route} ${tenantId}`, 'not guessable');
    try {
      const { claimed, credential } = readClientCredentials(authorization, form);
      trace.clientId = claimed.clientId;
      limit = new AttemptLimit(limits, trace.source, nameOf(tenantId, claimed.projectId, claimed), 'not guessable');
      const projectId = projectOf(tenant, claimed);
      trace.projectId = projectId;
      // The key that generateToken counts under: guesses here and there are guesses at one secret.
      limit = new AttemptLimit(limits, trace.source, nameOf(tenantId, projectId, claimed), 'guessable');
      limit.check();
      const { client, secretId } = await authenticateClient(
        this.#parts.secrets,
        tenant,
        { projectId, clientId: claimed.clientId, credential },
        limit,
      );
      trace.secretId = secretId;
      this.#parts.secretUses.record(tenantId, projectId, client.id, secretId, desk.clock.nowMs());
      return { client, tenant };
    } catch (error) {
      limit.count(error);
      throw asInvalidClient(error);
    }
  }

  async #find(
    tenantId: TenantId,
    client: Client,
    token: string,
    surfaces: readonly Surface[],
    trace: AuditTrace,
  ): Promise<VerifiedToken | undefined> {
    const verified = await activeTokenOrUndefined(this.#parts.tokens.verifyAt(token, surfaces), trace);
    if (verified === undefined) return undefined;
    if (verified.tenantId !== tenantId || verified.projectId !== client.projectId) {
      trace.reason = 'the token is of another project';
      return undefined;
    }
    trace.tokenId = verified.tokenId;
    return verified;
  }
}

function nameOf(tenantId: TenantId, projectId: ProjectId | undefined, { clientId }: ClaimedClient): string {
  return `${tenantId}/${projectId ?? '?'}/${clientId}`;
}

function tenantOf(path: string): TenantId {
  const id = parseTenantId(path);
  if (id === undefined) throw new TesseraError('route_not_found', 'not a tenant id');
  return id;
}

/** A tenant that is not there is an address with nothing at it, as for the tenant's documents. */
async function openTenant(desk: TokenDesk, id: TenantId): Promise<Tenant> {
  try {
    return await desk.tenants.open(id);
  } catch (error) {
    if (error instanceof TesseraError && error.code === 'client_not_found')
      throw new TesseraError('route_not_found', error.reason, { cause: error });
    throw error;
  }
}

/** Parameters that nobody knows are ignored (RFC 6749, section 3.2), `token_type_hint` among them: there is one type. */
function readForm(body: unknown): { readonly form: FormParameters; readonly token: string } {
  const form = body instanceof Map ? (body as FormParameters) : undefined;
  const token = form?.get('token');
  if (form === undefined || token === undefined)
    throw new TesseraError('invalid_request', 'the form has no token', { detail: 'token: is missing' });
  return { form, token };
}

function asInvalidClient(error: unknown): unknown {
  return error instanceof TesseraError && (error.code === 'unauthorized' || error.code === 'client_not_found')
    ? new TesseraError('invalid_client', error.reason, { cause: error })
    : error;
}
