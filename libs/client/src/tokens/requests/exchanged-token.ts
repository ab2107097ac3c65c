import { createHash } from 'node:crypto';
import { wrongOption } from '@tessera/token/core';
import { authenticate } from '../client-authentication.ts';
import { demandClientName, demandUrl } from '../client-name.ts';
import { definedOf } from '../defined-members.ts';
import { demandTextIfAny } from '../grant-options.ts';
import type { PreparedRequest } from './prepared-request.ts';
import { exchangeToken } from './token-endpoint.ts';
import type { ExchangeOptions, ExchangeRequest } from '../token-provider-options.ts';
import { demandTokenResponse } from './token-response.ts';
import { demandCredential, type TokenSettings } from '../token-settings.ts';

/** @throws TypeError that ends with the fix */
export function prepareExchange(settings: TokenSettings, token: string, options: ExchangeOptions): PreparedRequest {
  const request = exchangeRequest(settings, token, options);
  const { exchangeSource } = settings;
  if (exchangeSource === undefined) {
    demandUrl(request, settings.isHttpAllowed);
    demandCredential(settings);
  }
  return {
    key: keyOf(request),
    tryOnce: async (context) => {
      if (exchangeSource !== undefined) return demandTokenResponse(await exchangeSource(request));
      const authentication = await authenticate(request, demandCredential(settings), context.nowMs);
      return exchangeToken(request, authentication, context);
    },
  };
}

function exchangeRequest({ request }: TokenSettings, subjectToken: string, options: ExchangeOptions): ExchangeRequest {
  const { url, tenantId, projectId, clientId, audience, resource, scope } = options;
  // Callers in plain JavaScript may pass anything.
  if (typeof (subjectToken as unknown) !== 'string' || subjectToken === '')
    throw wrongOption('the token to exchange', 'is not a non-empty string', 'pass the bearer as the caller sent it');
  if (audience !== undefined && resource !== undefined)
    throw wrongOption('resource', 'cannot be combined with audience', 'pass only one of the two');
  demandTextIfAny('audience', audience);
  demandTextIfAny('resource', resource);
  demandTextIfAny('scope', scope);
  const exchange: ExchangeRequest = {
    url: url ?? request.url,
    tenantId: tenantId ?? request.tenantId,
    projectId: projectId ?? request.projectId,
    clientId: clientId ?? request.clientId,
    subjectToken,
    ...definedOf({ audience, resource, scope }),
  };
  demandClientName(exchange);
  return exchange;
}

/** A digest, so that the cache holds no token of a caller. */
function keyOf(request: ExchangeRequest): string {
  const { url, tenantId, projectId, clientId, subjectToken, audience, resource, scope } = request;
  const key = JSON.stringify([url, tenantId, projectId, clientId, subjectToken, audience, resource, scope]);
  return createHash('sha256').update(key).digest('base64url');
}
