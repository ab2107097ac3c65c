import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { ERROR_TABLE, type ErrorCode } from '../errors/error-table.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Edge } from './edge.ts';
import { PROBLEM_MEDIA_TYPE, problemBody, problemHeaders } from './problems/problem.ts';
import { requestIds } from './request-id.ts';
import type { SourceAddresses } from './origin/source-address.ts';
import { acceptForms } from './bodies/strict-form-body.ts';
import { acceptStrictJsonOnly, BODY_LIMIT_BYTES } from './bodies/strict-json-body.ts';

/** Time limit for receiving a whole request, headers included, so that slow senders cannot hold connections open. */
const REQUEST_TIMEOUT_MS = 10_000;
/**
 * A connection without traffic for this time is closed, so that responses that nobody reads do not fill memory. Node may take twice as long to
 * notice. Longer than the longest wait of a poller of the revocation feed (20 s).
 */
const STALLED_CONNECTION_MS = 25_000;
// Node's default is 30 s.
const CHECK_CONNECTIONS_EVERY_MS = 500;
/** Longer than the idle time of common load balancers (60 s), so that they close an idle connection first. */
const KEEP_ALIVE_MS = 65_000;
/** Room for a bearer token of 8 KiB and the other headers of browsers and proxies. */
const MAX_HEADER_BYTES = 16 * 1024;
/** Ids have at most 64 characters. */
const MAX_PARAMETER_LENGTH = 100;

/** Creates Fastify with strict parsing and limits. The edge is installed later, after the providers exist and before the routes do. */
export function createHttpAdapter(
  sources: SourceAddresses,
  metrics: Metrics,
  edge: () => Edge | undefined,
): FastifyAdapter {
  const adapter = new FastifyAdapter({
    // Nest middleware is not used, and its plugin would run for every request.
    skipMiddie: true,
    bodyLimit: BODY_LIMIT_BYTES,
    connectionTimeout: STALLED_CONNECTION_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: {
      headersTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_CONNECTIONS_EVERY_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      // The edge checks the Host header instead, so that the answer is a problem document like every other error.
      requireHostHeader: false,
    },
    genReqId: requestIds(sources),
    // While closing, Fastify would answer every request with 503. Requests that were sent before are answered in full (src/health/shutdown.ts).
    return503OnClosing: false,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      edge()?.answerUnreadable(error, request, reply);
    },
    clientErrorHandler: (error, socket) => {
      closeConnection(metrics, error, socket);
    },
  });
  acceptStrictJsonOnly(adapter.getInstance());
  acceptForms(adapter.getInstance());
  // Node would answer an unknown `Expect` with an empty 417. Refusing is not required (RFC 9110, section 10.1.1), so the request is served like any
  // other.
  const { server } = adapter.getInstance();
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  return adapter;
}

/** Answers and closes a connection whose input was not HTTP or came too slowly. */
function closeConnection(metrics: Metrics, error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [reason, code] = connectionFault(error.code);
  metrics.refusedConnection(reason);
  const answer = rawAnswer(new TesseraError(code, 'the connection carried no readable request'));
  // Destroyed, not left half-open: a slow sender would also close slowly.
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
    ...problemHeaders(error, PROBLEM_MEDIA_TYPE),
    'x-request-id': requestId,
    connection: 'close',
    'content-length': String(Buffer.byteLength(body)),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return `HTTP/1.1 ${status} ${title}\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}
