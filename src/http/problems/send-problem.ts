import type { FastifyReply, FastifyRequest } from 'fastify';
import { ERROR_TABLE } from '../../errors/error-table.ts';
import { causeOf, type TesseraError } from '../../errors/tessera-error.ts';
import { describeError } from '../../logging/describe-error.ts';
import { problemBody, problemHeaders } from './problem.ts';
import { contextOf } from '../request-context.ts';

/** Notes the refusal for the access line and answers with it. */
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
  // Headers that left cannot be taken back; the answer is cut off then, so that nobody takes it for whole.
  if (reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  const body = problemBody(error.code, context.row, error.detail, context.requestId, members);
  // As bytes: to a string Fastify would add a charset, which this media type does not have (RFC 8259, section 11).
  void reply.code(ERROR_TABLE[error.code].status).headers(problemHeaders(error)).send(Buffer.from(body));
}
