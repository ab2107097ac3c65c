import type { VerifiedToken } from '@tessera/token/core';
import type { FastifyRequest } from 'fastify';
import type { AuditOutcome, AuditTrace } from '../audit/audit-record.ts';
import type { RequestOrigin } from '../domain/request-origin.ts';
import type { RouteRow } from './routes/route-table.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Made by the edge before anything else sees the request. Read it with `contextOf`. */
    context: RequestContext | undefined;
  }
}

/**
 * What belongs to one request. The edge makes it, the hops add what they have established, and one access line and one audit record are
 * written from it. It travels in explicit arguments, as an `AuditTrace` below the edge.
 */
export class RequestContext implements AuditTrace, RequestOrigin {
  readonly requestId: string;
  /** The row's label; never the URL, which is the caller's text. */
  readonly route: string;
  readonly source: string;
  readonly network: string;
  readonly row: RouteRow | undefined;
  readonly startedAtMs: number;
  // All there from the start: an object that grows member by member is made anew each time.
  outcome: AuditOutcome | undefined = undefined;
  reason: string | undefined = undefined;
  tenantId: string | undefined = undefined;
  projectId: string | undefined = undefined;
  clientId: string | undefined = undefined;
  subjectId: string | undefined = undefined;
  tokenId: string | undefined = undefined;
  keyId: string | undefined = undefined;
  secretId: string | undefined = undefined;
  at: number | undefined = undefined;
  isOver = false;
  /** Whose bearer opened a bearer route. */
  caller: VerifiedToken | undefined = undefined;
  /** Where an unexpected error came from, without its message. */
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

/** The verified caller of a bearer route. */
export function callerOf(request: FastifyRequest): VerifiedToken {
  const { caller } = contextOf(request);
  if (caller === undefined) throw new Error('the route has no bearer row in src/http/route-table.ts');
  return caller;
}
