import { Inject, Injectable } from '@nestjs/common';
import { type AuthenticatedCaller, CallerAuthentication } from '../../../clients/caller-authentication.ts';
import { GRANT_TYPES } from '../../../domain/grant-types.ts';
import { serviceId } from '../../../domain/service-id.ts';
import { andThen, type Awaitable } from '../../../runtime/awaitable.ts';
import type { Tenant } from '../../../tenancy/tenant.ts';
import { AuthenticatedClient, sealAuthenticatedClient } from '../../authorize.ts';
import type { AuthenticationProgress, Grant } from '../../grant.ts';
import { formAttemptKey } from '../../token-form/form-attempt-key.ts';
import { formError, formResponse, unauthorizedClient } from '../../token-form/form-response.ts';
import { ownAudience } from '../../token-form/target-parameter.ts';
import { parseTokenForm, type TokenForm, type TokenFormInput } from '../../token-form/token-form.ts';

export interface ClientCredentialsRequest extends Omit<TokenForm, 'parameters'> {
  readonly surface: 'service';
}

/** What is checked of an authenticated client, in this order. The names are those of the tenants file. */
export const CLIENT_CREDENTIALS_CHECKS = ['service', 'audiences'] as const;

/** RFC 6749, section 4.4: a client requests a token for itself. */
@Injectable()
export class ClientCredentialsGrant implements Grant<ClientCredentialsRequest, TokenFormInput> {
  readonly name = 'client_credentials';
  readonly type = GRANT_TYPES.client_credentials;
  readonly attemptKey = formAttemptKey;
  readonly respond = formResponse;
  readonly errorOf = formError;
  readonly #callers: Pick<CallerAuthentication, 'authenticate'>;

  constructor(@Inject(CallerAuthentication) callers: Pick<CallerAuthentication, 'authenticate'>) {
    this.#callers = callers;
  }

  parse(input: TokenFormInput): ClientCredentialsRequest {
    const { tenantId, projectId, clientId, presented, target, scopes } = parseTokenForm(input, []);
    return { surface: 'service', tenantId, projectId, clientId, presented, target, scopes };
  }

  /** @throws TesseraError invalid_client, unauthorized_client, invalid_target, temporarily_unavailable */
  authenticate(
    tenant: Tenant,
    request: ClientCredentialsRequest,
    progress: AuthenticationProgress,
  ): Awaitable<AuthenticatedClient> {
    const caller = this.#callers.authenticate(tenant, request.presented, progress);
    return andThen(caller, (known) => askingForItself(known, request, progress));
  }
}

function askingForItself(
  { client, secretId, notAfter }: AuthenticatedCaller,
  { target, scopes }: ClientCredentialsRequest,
  progress: AuthenticationProgress,
): AuthenticatedClient {
  if (client.service === undefined) throw unauthorizedClient('the client has no tokens of its own');
  progress.passed('service');
  const audience = ownAudience(client, target);
  progress.passed('audiences');
  return AuthenticatedClient[sealAuthenticatedClient]({
    client,
    subject: { by: 'id', id: serviceId({ projectId: client.projectId, clientId: client.id }) },
    audience,
    scopes: { asked: scopes, atMost: undefined },
    notAfter,
    exchange: undefined,
    parentTokenId: undefined,
    once: undefined,
    secretId,
  });
}
