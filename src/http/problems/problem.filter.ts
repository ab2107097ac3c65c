import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TesseraError } from '../../errors/tessera-error.ts';
import { sendProblem } from './send-problem.ts';
import { toTesseraError } from './to-tessera-error.ts';

/** The one way out for every refusal, whether a hop, Nest or Fastify made it. */
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

/** Its connection ended, or was ended for slowness, in the middle of the body. Nobody reads the answer; the log shall not call it an error of ours. */
function leftEarly(request: FastifyRequest): boolean {
  return request.raw.destroyed && !request.raw.complete;
}
