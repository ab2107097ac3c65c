import type { ErrorCode } from '../../errors/error-table.ts';
import type { RouteRow } from '../routes/route-table.ts';

/** Whether an error has the form of RFC 6749, section 5.2. An address that does not exist is no OAuth endpoint. */
export function isOAuthError(code: ErrorCode, row: Pick<RouteRow, 'errors'> | undefined): boolean {
  return row?.errors === 'oauth' && code !== 'route_not_found';
}

/** The body of an error of RFC 6749, section 5.2. */
export function oauthErrorBody(code: ErrorCode, detail: string, requestId: string): string {
  return JSON.stringify({ error: code, error_description: describable(detail), request_id: requestId });
}

/** RFC 6749, section 5.2: no quotes, no backslashes, ASCII only. */
function describable(detail: string): string {
  return detail.replaceAll('"', "'").replaceAll(/[^\x20-\x5b\x5d-\x7e]/g, '?');
}
