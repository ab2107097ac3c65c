import type { TesseraClaims } from '@tessera/token';
import type { AuditedRequest, ExchangeFacts } from '../audit/audit-record.ts';
import type { ClientId, ProjectId, TenantId } from '../domain/ids.ts';
import type { RequestOrigin } from '../domain/request-origin.ts';
import type { PersonSurface, Surface } from '../domain/surface.ts';
import type { SignedJwt } from '../issuing/jwt-issuer.ts';
import type { AttemptKey } from '../rate-limit/attempt-limit.ts';
import type { Awaitable } from '../runtime/awaitable.ts';
import type { Concern } from '../rate-limit/failure-limits.ts';
import type { Client, Tenant } from '../tenancy/tenant.ts';
import type { AuthenticatedClient } from './authorize.ts';

/** The input of a token request from any endpoint. */
export interface RequestInput {
  readonly request: RequestOrigin & AuditedRequest;
}

/** From an endpoint that belongs to a surface. */
export interface TokenRequestInput extends RequestInput {
  readonly surface: PersonSurface;
  readonly body: unknown;
  /** Every `Authorization` header, for grants that read it. */
  readonly authorization?: readonly string[] | undefined;
}

/** The parsed request: the tenant and surface to use. Nothing is authenticated yet. */
export interface TokenRequest {
  readonly surface: Surface;
  readonly tenantId: TenantId;
  /** The client that the request names, for the record; undefined if only authentication determines it. */
  readonly projectId?: ProjectId | undefined;
  readonly clientId?: ClientId | undefined;
}

/** Lets `authenticate` report its progress to the pipeline, which determines what failures count against and what the record contains. */
export interface AuthenticationProgress {
  /** Call when the client is found but not authenticated. Records name it from here on. */
  clientFound(client: Client): void;
  /**
   * Call when the client has authenticated, before any other check of the client. From here on, failures count against the target of the request.
   *
   * @throws TesseraError too_many_requests if concurrent guesses have used up the limit: this request may be one of them
   */
  authenticated(): void;
  /**
   * Call with the subject of the client's own token if that subject is what the request is refused for. Records name it, until the subject of the
   * request is known.
   */
  refusedFor(subjectId: string): void;
  /** Call with the verified token that is exchanged and its target. Records of a refusal name them, too. */
  exchanges(exchange: ExchangeFacts): void;
  /**
   * Call when the tenant's configuration has told which client the request names, for one that names it without its project. From here on, failures
   * count against this client.
   *
   * @throws TesseraError too_many_requests
   */
  identified(key: AttemptKey): void;
  /** Sets the target that failures of the authenticated client count against. */
  asksFor(concern: Concern, name: string): void;
  /** Call after each check of the grant that `explain` names, in their order. Nothing else depends on it. */
  passed(check: string): void;
}

/**
 * A way to get a token. A grant parses its requests and authenticates their clients. All other steps, including the limit and the record, belong to
 * the pipeline, so that no grant can skip one.
 */
export interface Grant<Request extends TokenRequest, Input extends RequestInput = TokenRequestInput> {
  /** Failures of requests that cannot be parsed count under this name. */
  readonly name: string;
  /** The OAuth grant type, for the record. Undefined: the route alone says what was asked for. */
  readonly type: string | undefined;
  /** @throws TesseraError invalid_request, unauthorized */
  parse(input: Input): Request;
  /** What failures count against until the client has authenticated. */
  attemptKey(request: Request): AttemptKey;
  /** @throws TesseraError client_not_found, unauthorized, temporarily_unavailable, and what `progress` throws */
  authenticate(tenant: Tenant, request: Request, progress: AuthenticationProgress): Awaitable<AuthenticatedClient>;
  /** The body of the response as JSON. */
  respond(signed: SignedJwt, claims: TesseraClaims): string;
  /** The error of the response, for one of any step. */
  errorOf(error: unknown): unknown;
}

/**
 * The response of the endpoints of a surface (RFC 6749, section 5.1). Written as text: a serializer would look for characters to escape in the whole
 * token, which has none (RFC 7515, section 2).
 */
export function tokenResponse({ token, expiresInSeconds }: SignedJwt): string {
  return `{"access_token":"${token}","expires_in":${expiresInSeconds},"token_type":"Bearer"}`;
}
