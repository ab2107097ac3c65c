import { ForbiddenException, HttpException } from '@nestjs/common';
import type { ErrorCode } from '../../errors/error-table.ts';
import { TesseraError } from '../../errors/tessera-error.ts';

/** Errors that Fastify and Nest raise themselves, by status. Their messages quote the request, so they are replaced. */
const BY_STATUS: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  400: ['invalid_request', 'malformed request'],
  // @fastify/static answers 403 to a path that leaves its folder.
  403: ['route_not_found', 'forbidden path'],
  404: ['route_not_found', 'unknown route'],
  405: ['method_not_allowed', 'method not allowed'],
  408: ['request_timeout', 'the request did not arrive in time'],
  413: ['payload_too_large', 'body too large'],
  // A route parameter longer than any id.
  414: ['route_not_found', 'route parameter too long'],
  415: ['unsupported_media_type', 'unsupported media type'],
  431: ['header_fields_too_large', 'headers too large'],
};

/** Converts anything thrown to a TesseraError. Unexpected errors become `server_error`, whatever status they carry. */
export function toTesseraError(error: unknown): TesseraError {
  if (error instanceof TesseraError) return error;
  if (error instanceof ForbiddenException) return new TesseraError('forbidden', 'a guard refused', { cause: error });
  const status = edgeStatus(error);
  const known = status === undefined ? undefined : BY_STATUS[status];
  if (known !== undefined) return new TesseraError(known[0], known[1], { cause: error });
  return new TesseraError('server_error', 'unexpected error', { cause: error });
}

/** Only statuses of Nest and Fastify count. Errors of other libraries carry statuses of other HTTP exchanges. */
function edgeStatus(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  if (!(error instanceof Error) || !('code' in error) || !('statusCode' in error)) return undefined;
  return typeof error.code === 'string' && error.code.startsWith('FST_ERR_') && typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined;
}
