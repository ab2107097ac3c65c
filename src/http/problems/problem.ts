import { ERROR_TABLE, type ErrorCode } from '../../errors/error-table.ts';
import type { TesseraError } from '../../errors/tessera-error.ts';
import type { RouteRow } from '../routes/route-table.ts';

/** RFC 9457. */
export const PROBLEM_MEDIA_TYPE = 'application/problem+json';
/** Every 401 names a scheme (RFC 9110, section 11.6.1). It never says what was wrong. */
export const BEARER_CHALLENGE = 'Bearer realm="tessera"';
/** For clients that authenticate by secret (RFC 6749, section 5.2). */
const BASIC_CHALLENGE = 'Basic realm="tessera", charset="UTF-8"';
const DEFAULT_RETRY_AFTER_SECONDS = 1;

/** The titles of errors at endpoints that issue no token. Endpoints that issue tokens use "Failed to generate token". */
const TITLES_ELSEWHERE: Partial<Record<ErrorCode, string>> = {
  server_error: 'Internal error',
  temporarily_unavailable: 'Service unavailable',
};

/** The challenge of a 401 with that code. */
export function challengeOf(code: ErrorCode): string {
  return code === 'invalid_client' ? BASIC_CHALLENGE : BEARER_CHALLENGE;
}

/** A stable URI of the problem type. It does not resolve to a page. */
export function problemType(code: ErrorCode): string {
  return `urn:tessera:error:${code}`;
}

export function problemTitle(code: ErrorCode, row: Pick<RouteRow, 'kind'> | undefined): string {
  return (row?.kind === 'token' ? undefined : TITLES_ELSEWHERE[code]) ?? ERROR_TABLE[code].title;
}

/** @param detail public text; never text that the caller sent */
export function problemBody(
  code: ErrorCode,
  row: Pick<RouteRow, 'kind'> | undefined,
  detail: string,
  requestId: string,
  members: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({
    type: problemType(code),
    title: problemTitle(code, row),
    status: ERROR_TABLE[code].status,
    detail,
    error: code,
    request_id: requestId,
    ...members,
  });
}

/** The headers of an error response. */
export function problemHeaders(error: TesseraError, mediaType: string): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': mediaType, 'cache-control': 'no-store' };
  const { status } = ERROR_TABLE[error.code];
  if (status === 401) headers['www-authenticate'] = challengeOf(error.code);
  if (status === 429 || status === 503)
    headers['retry-after'] = String(Math.max(1, Math.ceil(error.retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS)));
  if (error.allow !== undefined) headers['allow'] = error.allow.join(', ');
  return headers;
}
