import type { VerifiedToken } from '@tessera/token/core';
import type { FastifyRequest } from 'fastify';
import type { AuditOutcome, AuditTrace } from '../audit/audit-record.ts';
import type { RequestOrigin } from '../domain/request-origin.ts';
import type { RouteRow } from './routes/route-table.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The edge sets it before anything else sees the request. Read it with `contextOf`. */
    context: RequestContext | undefined;
  }
}

/**
 * The state of one request. The edge makes it, the steps add the facts that they have established, and the access line and audit record are written
 * from it. It is passed as an explicit argument, below the edge as an `AuditTrace`.
 */
export class RequestContext implements AuditTrace, RequestOrigin {
  readonly requestId: string;
  /** The row's label; never the URL, which is text of the caller. */
  readonly route: string;
  readonly source: string;
  readonly network: string;
  readonly row: RouteRow | undefined;
  readonly startedAtMs: number;
  // All members exist from the start: adding members one by one makes V8 change the object's shape each time.
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
  if (caller === undefined) throw new Error('the route has no bearer row in src/http/route-table.ts');
  return caller;
}
