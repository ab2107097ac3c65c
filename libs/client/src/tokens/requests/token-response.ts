import type { HttpAnswer } from './http-post.ts';
import type { TokenResponse } from '../token-provider-options.ts';
import { TokenRequestError } from '../token-request-error.ts';

/**
 * Reads the answer of either endpoint.
 *
 * @throws TokenRequestError
 */
export function tokenOf(answer: HttpAnswer | undefined): TokenResponse {
  if (answer === undefined) throw new TokenRequestError('unreachable');
  const { status, body, retryAfterSeconds } = answer;
  if (status === 200 && isTokenResponse(body)) return body;
  throw new TokenRequestError(machineCode(status, body), {
    status,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** @throws TokenRequestError */
export function demandTokenResponse(response: unknown): TokenResponse {
  if (!isTokenResponse(response)) throw new TokenRequestError('unexpected_answer');
  return response;
}

function isTokenResponse(body: unknown): body is TokenResponse {
  if (typeof body !== 'object' || body === null) return false;
  const { access_token: token, expires_in: seconds, token_type: type } = body as Partial<Record<string, unknown>>;
  return (
    // The token becomes a header value as it is.
    typeof token === 'string' &&
    /^[A-Za-z0-9._~+/-]+=*$/.test(token) &&
    typeof seconds === 'number' &&
    Number.isSafeInteger(seconds) &&
    seconds > 0 &&
    typeof type === 'string' &&
    type.toLowerCase() === 'bearer'
  );
}

/** Returns the service's error code if it is well formed. A response of a proxy in between may contain anything. */
function machineCode(status: number, body: unknown): string {
  const code = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  return status !== 200 && typeof code === 'string' && /^[a-z][a-z0-9_]{0,63}$/.test(code) ? code : 'unexpected_answer';
}
