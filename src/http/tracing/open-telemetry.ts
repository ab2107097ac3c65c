import { SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { FastifyRequest } from 'fastify';
import { within } from '../../runtime/deadline.ts';
import type { RequestContext } from '../request-context.ts';
import type { RequestSpan, Tracing } from './tracing.ts';

const LAST_SPANS_MS = 2_000;

/**
 * The adapter to OpenTelemetry. Only `loadTracing` imports it, so that it is in memory only if it is used. The SDK reads endpoint, headers, sampler
 * and limits from the standard `OTEL_*` variables.
 *
 * A span holds what the access line holds: route, status, outcome, ids. No URL, header or body. Trace context of callers is ignored: a stranger must
 * not decide what is sampled.
 */
export function createTracing(): Tracing {
  const provider = new NodeTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'tessera' }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  const tracer = provider.getTracer('tessera');
  return {
    begin: (request, context) => beginSpan(tracer, request, context),
    close: async () => {
      // A collector that is down must not delay the shutdown, and its error text may hold secrets.
      const flushed = provider.shutdown().catch(() => undefined);
      await within(LAST_SPANS_MS, flushed, () => undefined, { ref: false });
    },
  };
}

function beginSpan(tracer: Tracer, request: FastifyRequest, context: RequestContext): RequestSpan {
  const span = tracer.startSpan(context.route, {
    root: true,
    kind: SpanKind.SERVER,
    attributes: {
      'http.request.method': request.method,
      'http.route': context.row?.path ?? 'none',
      'tessera.request_id': context.requestId,
    },
  });
  return {
    end: (outcome, status) => {
      const conclusion = context.conclusion ?? context.work?.facts();
      span.setAttributes({
        'tessera.outcome': outcome,
        ...(status === undefined ? {} : { 'http.response.status_code': status }),
        ...(conclusion?.tenantId === undefined ? {} : { 'tessera.tenant_id': conclusion.tenantId }),
        ...(conclusion?.clientId === undefined ? {} : { 'tessera.client_id': conclusion.clientId }),
      });
      if (status !== undefined && status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}
