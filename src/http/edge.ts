import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  HookHandlerDoneFunction,
  onRequestHookHandler,
} from 'fastify';
import { TesseraError } from '../errors/tessera-error.ts';
import type { Log } from '../logging/log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { outcomeOf, writeAccessLine } from './access-line.ts';
import type { RequestsInFlight } from '../health/requests-in-flight.ts';
import { RequestContext } from './request-context.ts';
import { hostFault, isPlainPath } from './bodies/request-form.ts';
import { ResponseHeaders } from './response-headers.ts';
import type { RouteGuard } from './routes/route-guard.ts';
import type { RouteRegistry } from './routes/route-registry.ts';
import { labelOf, type RouteRow } from './routes/route-table.ts';
import { sendProblem } from './problems/send-problem.ts';
import type { SourceAddresses } from './origin/source-address.ts';
import { toTesseraError } from './problems/to-tessera-error.ts';
import type { Tracing } from './tracing/tracing.ts';

/** The label of requests that match no route. */
const NO_ROUTE = 'none';

export interface EdgeParts {
  readonly publicUrl: string;
  readonly registry: RouteRegistry;
  readonly sources: SourceAddresses;
  readonly inFlight: RequestsInFlight;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Absent unless OpenTelemetry is configured. */
  readonly tracing: Tracing | undefined;
}

type Begin = (request: FastifyRequest, reply: FastifyReply) => void;

/**
 * Runs before every route, routes of libraries included: makes the request's context, sets the row's headers and runs its guard. After the response
 * it writes the access line. It is hooked into each route when Fastify registers it, so a request needs no lookup, and a route without a row is never
 * served.
 */
export class Edge {
  readonly #parts: EdgeParts;
  readonly #headers: ResponseHeaders;
  readonly #beginNowhere: Begin;

  constructor(parts: EdgeParts) {
    this.#parts = parts;
    this.#headers = new ResponseHeaders(parts.publicUrl);
    this.#beginNowhere = this.#beginner(NO_ROUTE, undefined);
  }

  /** Must run before the first route is registered. */
  install(fastify: FastifyInstance, guard: RouteGuard): void {
    fastify.decorateRequest('context', undefined);
    fastify.addHook('onRoute', (route) => {
      const row = this.#parts.registry.rowFor(route);
      if (row.bodyLimitBytes !== undefined) route.bodyLimit = row.bodyLimitBytes;
      const begin = this.#beginner(labelOf(row), row);
      const admit = guard.forRow(row);
      const edgeOfRoute: onRequestHookHandler = (request, reply, done) => {
        if (!isPlainPath(request.raw.url ?? '')) {
          this.#answerNowhere(request, reply, done);
          return;
        }
        begin(request, reply);
        const fault = hostFault(request.raw);
        if (fault === undefined) admit(request, done);
        else refuseSender(reply, fault, done);
      };
      // Runs before the route's own hooks.
      route.onRequest = [edgeOfRoute, ...[route.onRequest ?? []].flat()];
    });
    fastify.addHook('onRequest', (request, reply, done) => {
      if (request.is404) this.#answerNowhere(request, reply, done);
      else done();
    });
  }

  /** Answers a URL that the router cannot decode. Fastify runs no hooks for it. */
  answerUnreadable(error: Error, request: FastifyRequest, reply: FastifyReply): void {
    this.#beginNowhere(request, reply);
    sendProblem(toTesseraError(error), request, reply);
  }

  #answerNowhere(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void {
    this.#beginNowhere(request, reply);
    const fault = hostFault(request.raw);
    if (fault !== undefined) {
      refuseSender(reply, fault, done);
      return;
    }
    const target = request.raw.url ?? '';
    if (!isPlainPath(target)) {
      done(
        new TesseraError('route_not_found', 'unknown route', {
          detail: 'There is nothing at this address. Paths are written without percent-encoding.',
        }),
      );
      return;
    }
    const allow = this.#parts.registry.allowedMethods(target);
    if (allow.length === 0) done(this.#parts.registry.notFound(request.method, target));
    // RFC 9110, section 9.3.7. No CORS headers: pages of other origins must not call this API.
    else if (request.method === 'OPTIONS') void reply.code(204).header('allow', allow.join(', ')).send();
    else done(methodNotAllowed(allow));
  }

  /** Binds what is known about a route at the start, so that requests do not look it up. */
  #beginner(label: string, row: RouteRow | undefined): Begin {
    const { sources, inFlight, log, tracing } = this.#parts;
    const metrics = this.#parts.metrics.route(label);
    const headers = this.#headers.forRow(row);
    return (request, reply) => {
      const context = new RequestContext(request.id, label, sources.originOf(request.raw), row, performance.now());
      request.context = context;
      reply.header('x-request-id', context.requestId);
      for (const [name, value] of headers) reply.header(name, value);
      const response = reply.raw;
      const unanswered = inFlight.begin(response);
      const span = tracing?.begin(request, context);
      // `close` is emitted once after every response, sent or not. Fastify's onResponse is not called if the client has disconnected.
      response.on('close', () => {
        inFlight.end(unanswered);
        const ms = performance.now() - context.startedAtMs;
        const outcome = outcomeOf(context, response.writableFinished);
        const status = response.headersSent ? response.statusCode : undefined;
        metrics.finished(outcome, ms / 1000, context.work?.tokenSurface);
        writeAccessLine(log, context, outcome, status, ms);
        span?.end(outcome, status);
      });
    };
  }
}

function methodNotAllowed(allow: readonly string[]): TesseraError {
  const detail = `This address does not answer to that method. It answers to ${allow.join(', ')}.`;
  return new TesseraError('method_not_allowed', 'method not allowed', { allow, detail });
}

/** Answers a sender that violates HTTP, and closes the connection without reading the rest of the request. */
function refuseSender(reply: FastifyReply, fault: TesseraError, done: HookHandlerDoneFunction): void {
  reply.header('connection', 'close');
  done(fault);
}
