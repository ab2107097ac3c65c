import type { FastifyRequest } from 'fastify';
import type { RequestContext } from '../request-context.ts';

export interface RequestSpan {
  end(outcome: string, status: number | undefined): void;
}

/** One span for each request. The implementation is loaded only when OpenTelemetry is configured. */
export interface Tracing {
  begin(request: FastifyRequest, context: RequestContext): RequestSpan;
  /** Sends what is still held back. */
  close(): Promise<void>;
}
