import type { ClientAuthentication } from '../client-authentication.ts';
import { post, type PostLimits } from './http-post.ts';
import type { ClientReference, ClientTokenRequest, ExchangeRequest, TokenResponse } from '../token-provider-options.ts';
import { TokenRequestError } from '../token-request-error.ts';
import { tokenOf } from './token-response.ts';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

/**
 * One try at `POST /tenants/<tenant>/token` for a token of the client itself (RFC 6749, section 4.4).
 *
 * @throws TokenRequestError
 */
export async function requestClientToken(
  request: ClientTokenRequest,
  authentication: ClientAuthentication,
  limits: PostLimits,
): Promise<TokenResponse> {
  const { audience, scope } = request;
  return ask(request, { grant_type: 'client_credentials', audience, scope }, authentication, limits);
}

/**
 * One try at the exchange of a token (RFC 8693).
 *
 * @throws TokenRequestError
 */
export async function exchangeToken(
  request: ExchangeRequest,
  authentication: ClientAuthentication,
  limits: PostLimits,
): Promise<TokenResponse> {
  const { subjectToken, audience, resource, scope } = request;
  const response = await ask(
    request,
    {
      grant_type: EXCHANGE,
      subject_token: subjectToken,
      subject_token_type: ACCESS_TOKEN,
      audience,
      resource,
      scope,
    },
    authentication,
    limits,
  );
  // RFC 8693, section 2.2.1. A token of another type must not be sent as a bearer.
  const { issued_token_type: type } = response as { readonly issued_token_type?: unknown };
  if (type !== ACCESS_TOKEN) throw new TokenRequestError('unexpected_answer', { status: 200 });
  return response;
}

async function ask(
  { url, tenantId }: ClientReference,
  parameters: Readonly<Record<string, string | undefined>>,
  { authorization, parameters: ofClient }: ClientAuthentication,
  limits: PostLimits,
): Promise<TokenResponse> {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...parameters, ...ofClient }))
    if (value !== undefined) form.append(name, value);
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    ...(authorization === undefined ? {} : { authorization }),
  };
  return tokenOf(await post(`${url}/tenants/${tenantId}/token`, headers, form.toString(), limits));
}
