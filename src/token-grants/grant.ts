import type { AuditedRequest } from '../audit/audit-record.ts';
import type { ClientId, ProjectId, TenantId } from '../domain/ids.ts';
import type { RequestOrigin } from '../domain/request-origin.ts';
import type { Surface } from '../domain/surface.ts';
import type { AttemptKey } from '../rate-limit/attempt-limit.ts';
import type { Concern } from '../rate-limit/failure-limits.ts';
import type { Client, Tenant } from '../tenancy/tenant.ts';
import type { AuthenticatedClient } from './authenticated-client.ts';

/** A request for a token as it reaches its endpoint. */
export interface TokenRequestInput {
  readonly surface: Surface;
  readonly body: unknown;
  /** Every `Authorization` header, for grants that read it. */
  readonly authorization?: readonly string[] | undefined;
  readonly request: RequestOrigin & AuditedRequest;
}

/** What every grant knows after `parse`: where to look. Nothing is authenticated yet. */
export interface TokenRequest {
  readonly surface: Surface;
  readonly tenantId: TenantId;
  /** The client that the request names, for the record; undefined: only authentication tells. */
  readonly projectId?: ProjectId | undefined;
  readonly clientId?: ClientId | undefined;
}

/** The pipeline, as `authenticate` sees it: what it is told decides what failures count against and what a record shows. */
export interface AuthenticationProgress {
  /** The client is known, but has not authenticated. Records name it from here on. */
  clientFound(client: Client): void;
  /**
   * The client has authenticated. Call it before any other check of the client: from here on failures count against what it asks for.
   *
   * @throws TesseraError too_many_requests when guesses that came at the same time have used up the limit: this may be one of them
   */
  authenticated(): void;
  /** What failures count against once the client has authenticated, until this is called again. */
  asksFor(concern: Concern, name: string): void;
}

/**
 * A way to get a token. It reads its requests and authenticates their clients. All other steps, the limit and the record are the pipeline's, so
 * that no grant can leave one out.
 */
export interface Grant<Request extends TokenRequest> {
  /** Failures of requests that cannot be parsed count under this name. */
  readonly name: string;
  /** Whether an unknown tenant gets the answer of wrong credentials. Otherwise it is `client_not_found`. */
  readonly hidesUnknownTenants: boolean;
  /** @throws TesseraError invalid_request, unauthorized */
  parse(input: TokenRequestInput): Request;
  /** What failures count against until the client has authenticated. */
  attemptKey(request: Request): AttemptKey;
  /** @throws TesseraError client_not_found, unauthorized, temporarily_unavailable, and what `progress` throws */
  authenticate(tenant: Tenant, request: Request, progress: AuthenticationProgress): Promise<AuthenticatedClient>;
}
