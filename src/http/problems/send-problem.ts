import type { FastifyReply, FastifyRequest } from 'fastify';
import { ERROR_TABLE } from '../../errors/error-table.ts';
import { causeOf, type TesseraError } from '../../errors/tessera-error.ts';
import { describeError } from '../../logging/describe-error.ts';
import { problemBody, problemHeaders } from './problem.ts';
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
  const body = problemBody(error.code, context.row, error.detail, context.requestId, members);
  // Sent as bytes: with a string, Fastify would add a charset parameter, which this media type does not have (RFC 8259, section 11).
  void reply.code(ERROR_TABLE[error.code].status).headers(problemHeaders(error)).send(Buffer.from(body));
}
