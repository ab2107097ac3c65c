import { post, type PostLimits } from './http-post.ts';
import type { TokenRequest, TokenResponse } from '../token-provider-options.ts';
import { tokenOf } from './token-response.ts';

/**
 * One try at `POST /auth/<surface>/generateToken`: a token of a person.
 *
 * @throws TokenRequestError
 */
export async function generateToken(
  { url, surface, tenantId, projectId, clientId, emailId }: TokenRequest,
  secretId: string | undefined,
  limits: PostLimits,
): Promise<TokenResponse> {
  const body = {
    tenant_id: tenantId,
    project_id: projectId,
    client_id: clientId,
    email_id: emailId,
    secret_id: secretId,
  };
  const headers = { 'content-type': 'application/json' };
  return tokenOf(await post(`${url}/auth/${surface}/generateToken`, headers, JSON.stringify(body), limits));
}
