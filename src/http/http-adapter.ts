import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { ERROR_TABLE, type ErrorCode } from '../errors/error-table.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Edge } from './edge.ts';
import { problemBody, problemHeaders } from './problems/problem.ts';
import { requestIds } from './request-id.ts';
import type { SourceAddresses } from './origin/source-address.ts';
import { acceptForms } from './bodies/strict-form-body.ts';
import { acceptStrictJsonOnly, BODY_LIMIT_BYTES } from './bodies/strict-json-body.ts';

/** Headers must be whole within this time, and the request within the same: slow senders hold nothing open. */
const REQUEST_TIMEOUT_MS = 10_000;
/**
 * A connection on which nothing moves for so long is ended, so that answers that nobody reads hold no memory; Node takes up to twice the time to
 * see that. Longer than a follower of the feed may wait (20 s).
 */
const STALLED_CONNECTION_MS = 25_000;
// Node looks at slow connections only every 30 s by default.
const CHECK_CONNECTIONS_EVERY_MS = 500;
/** Longer than the idle time of common load balancers (60 s), so that it is they who end an idle connection. */
const KEEP_ALIVE_MS = 65_000;
/** A bearer of 8 KiB with what else browsers and proxies send. */
const MAX_HEADER_BYTES = 16 * 1024;
/** Ids have 64 characters at most. */
const MAX_PARAMETER_LENGTH = 100;

/** Fastify as the service wants it: bounded and strict. The edge is installed after, when the providers are there and before the routes are. */
export function createHttpAdapter(
  sources: SourceAddresses,
  metrics: Metrics,
  edge: () => Edge | undefined,
): FastifyAdapter {
  const adapter = new FastifyAdapter({
    // Nest's middleware is not used, and its plugin would run for every request.
    skipMiddie: true,
    bodyLimit: BODY_LIMIT_BYTES,
    connectionTimeout: STALLED_CONNECTION_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: {
      headersTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_CONNECTIONS_EVERY_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      // The edge refuses it instead, so that the answer has the form of all others.
      requireHostHeader: false,
    },
    genReqId: requestIds(sources),
    // Fastify would answer 503 to whatever it reads once it closes; a request that came before is answered in full (src/http/shutdown.ts).
    return503OnClosing: false,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      edge()?.answerUnreadable(error, request, reply);
    },
    clientErrorHandler: (error, socket) => {
      endConnection(metrics, error, socket);
    },
  });
  acceptStrictJsonOnly(adapter.getInstance());
  acceptForms(adapter.getInstance());
  // Node would answer an unknown `Expect` by itself, with an empty 417. Nothing obliges us to refuse (RFC 9110, section 10.1.1): it goes the way of all.
  const { server } = adapter.getInstance();
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  return adapter;
}

/** What came over the connection was no HTTP, or came too slowly. */
function endConnection(metrics: Metrics, error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [reason, code] = connectionFault(error.code);
  metrics.refusedConnection(reason);
  const answer = rawAnswer(new TesseraError(code, 'the connection carried no readable request'));
  // Not left half-open: whoever sends slowly would also close slowly.
  if (socket.writable) socket.end(answer, () => socket.destroy());
  else socket.destroy();
}

function connectionFault(code: string | undefined): ['malformed' | 'timeout' | 'header_overflow', ErrorCode] {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return ['timeout', 'request_timeout'];
  if (code === 'HPE_HEADER_OVERFLOW') return ['header_overflow', 'header_fields_too_large'];
  return ['malformed', 'invalid_request'];
}

function rawAnswer(error: TesseraError): string {
  const requestId = randomUUID();
  const { status, title } = ERROR_TABLE[error.code];
  const body = problemBody(error.code, undefined, error.detail, requestId);
  const headers = {
    ...problemHeaders(error),
    'x-request-id': requestId,
    connection: 'close',
    'content-length': String(Buffer.byteLength(body)),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return `HTTP/1.1 ${status} ${title}\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}
