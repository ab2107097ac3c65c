import { generateToken } from './generate-token.ts';
import { demandOtherGrantOf } from '../grant-options.ts';
import type { PreparedRequest } from './prepared-request.ts';
import type { TokenOverrides, TokenRequest } from '../token-provider-options.ts';
import { TokenRequestError } from '../token-request-error.ts';
import { demandTokenResponse } from './token-response.ts';
import type { PersonTokenSettings } from '../token-settings.ts';
import { definedOf } from '../defined-members.ts';

/** @throws TypeError that ends with the fix, if an override belongs to the other grant */
export function preparePersonToken(settings: PersonTokenSettings, overrides: TokenOverrides): PreparedRequest {
  const given = definedOf(overrides);
  demandOtherGrantOf(given, undefined);
  const request: TokenRequest = { ...settings.request, ...given };
  const { url, surface, tenantId, projectId, clientId, emailId } = request;
  return {
    key: JSON.stringify([url, surface, tenantId, projectId, clientId, emailId]),
    tryOnce: async (context) => {
      const { source, secretId } = settings;
      if (source !== undefined) return demandTokenResponse(await source(request));
      const secret = typeof secretId === 'function' ? await askForSecret(secretId, request) : secretId;
      return generateToken(request, secret, context);
    },
  };
}

async function askForSecret(
  secretId: (request: TokenRequest) => string | Promise<string>,
  request: TokenRequest,
): Promise<string> {
  try {
    return await secretId(request);
  } catch {
    // The thrown error is dropped: it may contain the secret.
    throw new TokenRequestError('secret_unavailable');
  }
}
