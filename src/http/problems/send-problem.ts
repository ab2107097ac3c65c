import type { FastifyReply, FastifyRequest } from 'fastify';
import { ERROR_TABLE } from '../../errors/error-table.ts';
import { causeOf, type TesseraError } from '../../errors/tessera-error.ts';
import { describeError } from '../../logging/describe-error.ts';
import { isOAuthError, oauthErrorBody } from './oauth-error.ts';
import { PROBLEM_MEDIA_TYPE, problemBody, problemHeaders } from './problem.ts';
import type { RouteRow } from '../routes/route-table.ts';
import { contextOf } from '../request-context.ts';

/** Notes the error for the access line and sends it. */
export function sendProblem(
  error: TesseraError,
  request: FastifyRequest,
  reply: FastifyReply,
  members?: Readonly<Record<string, unknown>>,
): void {
  const context = contextOf(request);
  context.outcome = error.code;
  context.reason = error.reason;
  if (error.code === 'server_error') context.fault = describeError(causeOf(error) ?? error);
  // Headers that were sent cannot be taken back. The response is cut off, so that no client takes it for complete.
  if (reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  const { row, requestId } = context;
  const detail = detailOf(error, row);
  const isOAuth = isOAuthError(error.code, row);
  const body = isOAuth
    ? oauthErrorBody(error.code, detail, requestId)
    : problemBody(error.code, row, detail, requestId, members);
  const headers = problemHeaders(error, isOAuth ? 'application/json' : PROBLEM_MEDIA_TYPE);
  // RFC 6749, section 5.2: the scheme that the client has used. Its libraries read no body of a response with another challenge.
  if (isOAuth && request.headers.authorization === undefined) delete headers['www-authenticate'];
  // Sent as bytes: with a string, Fastify would add a charset parameter, which these media types do not have (RFC 8259, section 11).
  void reply.code(ERROR_TABLE[error.code].status).headers(headers).send(Buffer.from(body));
}

function detailOf({ code, detail }: TesseraError, row: RouteRow | undefined): string {
  if (code === 'payload_too_large' && row?.bodyLimitBytes !== undefined)
    return `The request body is larger than ${row.bodyLimitBytes / 1024} KiB.`;
  return code === 'unsupported_media_type' && row?.body !== undefined
    ? 'The request body must be application/x-www-form-urlencoded in UTF-8.'
    : detail;
}
