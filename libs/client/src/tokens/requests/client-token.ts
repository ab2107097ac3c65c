import { authenticate } from '../client-authentication.ts';
import { demandClientName, demandUrl } from '../client-name.ts';
import { definedOf } from '../defined-members.ts';
import { demandOtherGrantOf, demandTextIfAny } from '../grant-options.ts';
import type { PreparedRequest } from './prepared-request.ts';
import { requestClientToken } from './token-endpoint.ts';
import type { ClientTokenRequest, TokenOverrides } from '../token-provider-options.ts';
import { demandTokenResponse } from './token-response.ts';
import { type ClientTokenSettings, type CommonTokenSettings, demandCredential } from '../token-settings.ts';

/** @throws TypeError that ends with the fix */
export function prepareClientToken(
  settings: ClientTokenSettings & CommonTokenSettings,
  overrides: TokenOverrides,
): PreparedRequest {
  const given = definedOf(overrides);
  demandOtherGrantOf(given, 'client_credentials');
  const request: ClientTokenRequest = { ...settings.request, ...given };
  const { url, tenantId, projectId, clientId, audience, scope } = request;
  demandClientName(request);
  demandTextIfAny('audience', audience);
  demandTextIfAny('scope', scope);
  const { source } = settings;
  if (source === undefined) demandUrl(request, settings.isHttpAllowed);
  return {
    key: JSON.stringify([url, tenantId, projectId, clientId, audience, scope]),
    tryOnce: async (context) => {
      if (source !== undefined) return demandTokenResponse(await source(request));
      const authentication = await authenticate(request, demandCredential(settings), context.nowMs);
      return requestClientToken(request, authentication, context);
    },
  };
}
