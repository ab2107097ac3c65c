import { parseStrictJson } from '@tessera/token/core';
import type { TokenRequest, TokenResponse } from './token-provider-options.ts';
import { TokenRequestError } from './token-request-error.ts';

export interface TokenEndpointLimits {
  /** For one try, body included. */
  readonly timeoutMs: number;
  readonly closing: AbortSignal;
}

// By default the server limits a token to 6 KiB. Problem details are smaller.
const MAX_BYTES = 64 * 1_024;

/**
 * One try at `POST /auth/<surface>/generateToken`.
 *
 * @throws TokenRequestError
 */
export async function requestToken(
  request: TokenRequest,
  secretId: string | undefined,
  limits: TokenEndpointLimits,
): Promise<TokenResponse> {
  const answer = await post(request, secretId, limits);
  if (answer === undefined) throw new TokenRequestError('unreachable');
  const { status, body, retryAfterSeconds } = answer;
  if (status === 200 && isTokenResponse(body)) return body;
  throw new TokenRequestError(machineCode(status, body), {
    status,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly retryAfterSeconds: number | undefined;
}

/** @returns undefined if there was no complete response */
async function post(
  request: TokenRequest,
  secretId: string | undefined,
  { timeoutMs, closing }: TokenEndpointLimits,
): Promise<Answer | undefined> {
  const { url, surface, tenantId, projectId, clientId, emailId } = request;
  const abort = new AbortController();
  const end = (): void => {
    abort.abort();
  };
  const timer = setTimeout(end, timeoutMs);
  closing.addEventListener('abort', end);
  if (closing.aborted) end();
  try {
    const response = await fetch(`${url}/auth/${surface}/generateToken`, {
      method: 'POST',
      // A redirect must not send the secret to another place.
      redirect: 'manual',
      signal: abort.signal,
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({
        tenant_id: tenantId,
        project_id: projectId,
        client_id: clientId,
        email_id: emailId,
        secret_id: secretId,
      }),
    });
    const text = await readBounded(response);
    return { status: response.status, body: parse(text), retryAfterSeconds: retryAfter(response) };
  } catch {
    // The platform's error is dropped: it contains the request's URL and the peer's address.
    return undefined;
  } finally {
    clearTimeout(timer);
    closing.removeEventListener('abort', end);
  }
}

/** @returns undefined if it is larger than any response of Tessera */
async function readBounded(response: Response): Promise<string | undefined> {
  if (response.body === null) return undefined;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > MAX_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : parseStrictJson(text, { maxDepth: 8 });
  } catch {
    return undefined;
  }
}

/** RFC 9110, section 10.2.3: seconds or a date. */
function retryAfter(response: Response): number | undefined {
  const value = response.headers.get('retry-after');
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - Date.now()) / 1_000));
}

export function isTokenResponse(body: unknown): body is TokenResponse {
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
