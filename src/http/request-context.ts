import type { VerifiedToken } from '@tessera/token/core';
import type { FastifyRequest } from 'fastify';
import type { AuditedRequest, AuditOutcome, Conclusion, WorkSoFar } from '../audit/audit-record.ts';
import type { RequestOrigin } from '../domain/request-origin.ts';
import type { RouteRow } from './routes/route-table.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The edge sets it before anything else sees the request. Read it with `contextOf`. */
    context: RequestContext | undefined;
  }
}

/**
 * The state of one request. The edge makes it, and the access line is written from it. Below the edge it is passed as an explicit argument, as an
 * `AuditedRequest`.
 */
export class RequestContext implements AuditedRequest, RequestOrigin {
  readonly requestId: string;
  /** The row's label; never the URL, because the caller chooses it. */
  readonly route: string;
  readonly source: string;
  readonly network: string;
  readonly row: RouteRow | undefined;
  readonly startedAtMs: number;
  // All members exist from the start: adding members one by one makes V8 change the object's shape each time.
  /** The code of the error that the request was answered with. */
  outcome: AuditOutcome | undefined = undefined;
  /** The private reason of that error, or why a token is not active. */
  reason: string | undefined = undefined;
  conclusion: Conclusion | undefined = undefined;
  work: WorkSoFar | undefined = undefined;
  /** The verified bearer of a bearer route. */
  caller: VerifiedToken | undefined = undefined;
  /** The locations of an unexpected error in the code, without its message. */
  fault: string | undefined = undefined;

  constructor(
    requestId: string,
    route: string,
    { source, network }: RequestOrigin,
    row: RouteRow | undefined,
    startedAtMs: number,
  ) {
    this.requestId = requestId;
    this.route = route;
    this.source = source;
    this.network = network;
    this.row = row;
    this.startedAtMs = startedAtMs;
  }
}

export function contextOf(request: FastifyRequest): RequestContext {
  if (request.context === undefined) throw new Error('the request did not pass the edge');
  return request.context;
}

/** The verified bearer of a bearer route. */
export function callerOf(request: FastifyRequest): VerifiedToken {
  const { caller } = contextOf(request);
  if (caller === undefined) throw new Error('the route has no bearer row in src/http/routes/route-table.ts');
  return caller;
}
