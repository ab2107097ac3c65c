import { Injectable } from '@nestjs/common';
import { ClientAuthentication, type ClientAuthenticationResult } from '../../../clients/client-authentication.ts';
import { Secret } from '../../../config/secret.ts';
import { type CanonicalEmail, type EmailAddress, parseEmail } from '../../../domain/email.ts';
import { type ClientId, parseClientId, parseProjectId, parseTenantId, type ProjectId } from '../../../domain/ids.ts';
import type { RequestOrigin } from '../../../domain/request-origin.ts';
import type { Surface } from '../../../domain/surface.ts';
import { TesseraError } from '../../../errors/tessera-error.ts';
import type { AttemptKey } from '../../../rate-limit/attempt-limit.ts';
import { andThen, type Awaitable } from '../../../runtime/awaitable.ts';
import type { Tenant } from '../../../tenancy/tenant.ts';
import { ALL_SCOPES, AuthenticatedClient, sealAuthenticatedClient } from '../../authorize.ts';
import {
  type AuthenticationProgress,
  type Grant,
  type TokenRequest,
  type TokenRequestInput,
  tokenResponse,
} from '../../grant.ts';
import { explainGenerateToken, MEMBERS } from './generate-token.dto.ts';

/** A request of generateToken: the client names itself and the subject. */
export interface SecretTokenRequest extends TokenRequest {
  readonly projectId: ProjectId;
  readonly clientId: ClientId;
  readonly email: EmailAddress;
  readonly source: string;
  /** The address that network conditions are checked against. */
  readonly network: string;
  /** The value of `secret_id`; undefined if it was not sent. */
  readonly credential: Secret | undefined;
}

/** The grant of generateToken: a client authenticates by its secret and requests a token for a subject by email address. */
@Injectable()
export class ClientSecretGrant implements Grant<SecretTokenRequest> {
  readonly name = 'generateToken';
  readonly type = undefined;
  readonly respond = tokenResponse;
  readonly #clients: ClientAuthentication;

  constructor(clients: ClientAuthentication) {
    this.#clients = clients;
  }

  parse({ body, surface, request }: TokenRequestInput): SecretTokenRequest {
    return parseSecretTokenRequest(body, surface, request);
  }

  /** Requests without a secret are not guesses at one. They count separately, so that they cannot block a client that has the secret. */
  attemptKey({ tenantId, projectId, clientId, credential }: SecretTokenRequest): AttemptKey {
    const client = `${tenantId}/${projectId}/${clientId}`;
    return { key: credential === undefined ? `${client} without secret` : client, isGuessable: true };
  }

  authenticate(
    tenant: Tenant,
    request: SecretTokenRequest,
    progress: AuthenticationProgress,
  ): Awaitable<AuthenticatedClient> {
    const email = request.email.canonical;
    progress.asksFor('subject', email);
    const authenticated = this.#clients.authenticate(tenant, request, request, progress);
    return andThen(authenticated, (client) => asking(client, email));
  }

  errorOf(error: unknown): unknown {
    return error;
  }
}

function asking({ client, secretId }: ClientAuthenticationResult, email: CanonicalEmail): AuthenticatedClient {
  return AuthenticatedClient[sealAuthenticatedClient]({
    client,
    subject: { by: 'email', email },
    audience: client.audience,
    scopes: ALL_SCOPES,
    notAfter: undefined,
    exchange: undefined,
    parentTokenId: undefined,
    once: undefined,
    secretId,
  });
}

/**
 * Accepts exactly the documented form: known members only, valid ids, one ASCII address.
 *
 * @throws TesseraError invalid_request, before anything else is done
 */
export function parseSecretTokenRequest(
  body: unknown,
  surface: Surface,
  { source, network }: RequestOrigin,
): SecretTokenRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw refused(body);
  const { client_id, email_id, project_id, tenant_id, secret_id } = body as Record<string, unknown>;
  const tenantId = parseTenantId(tenant_id);
  const projectId = parseProjectId(project_id);
  const clientId = parseClientId(client_id);
  const email = parseEmail(email_id);
  if (tenantId === undefined || projectId === undefined || clientId === undefined || email === undefined)
    throw refused(body);
  if (!Object.keys(body).every((name) => MEMBERS.has(name))) throw refused(body);
  if (typeof secret_id === 'string') {
    return { surface, source, network, tenantId, projectId, clientId, email, credential: new Secret(secret_id) };
  }
  // `"secret_id": null` is a member of the wrong type, not an absent one.
  if (secret_id !== undefined || 'secret_id' in body) throw refused(body);
  return { surface, source, network, tenantId, projectId, clientId, email, credential: undefined };
}

function refused(body: unknown): TesseraError {
  return new TesseraError('invalid_request', 'the body is not a token request', { detail: explainGenerateToken(body) });
}
