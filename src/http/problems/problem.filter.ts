import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TesseraError } from '../../errors/tessera-error.ts';
import { sendProblem } from './send-problem.ts';
import { toTesseraError } from './to-tessera-error.ts';

/** Turns every error, of this service, Nest or Fastify, into a problem document. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const error = leftEarly(request)
      ? new TesseraError('request_timeout', 'the client left before its body was whole')
      : toTesseraError(thrown);
    sendProblem(error, request, http.getResponse<FastifyReply>());
  }
}

/**
 * Whether the connection closed, or was closed for slowness, in the middle of the body. Nobody reads the response, and it must not be logged as an
 * error of the server.
 */
function leftEarly(request: FastifyRequest): boolean {
  return request.raw.destroyed && !request.raw.complete;
}
