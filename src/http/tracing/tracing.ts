import type { FastifyRequest } from 'fastify';
import type { RequestContext } from '../request-context.ts';

export interface RequestSpan {
  end(outcome: string, status: number | undefined): void;
}

/** One span per request. The implementation is loaded only if OpenTelemetry is configured. */
export interface Tracing {
  begin(request: FastifyRequest, context: RequestContext): RequestSpan;
  /** Sends the spans that are still buffered. */
  close(): Promise<void>;
}
