import {
  type ExecutionContext,
  ForbiddenException,
  type HttpException,
  ServiceUnavailableException,
  UnauthorizedException,
} from '@nestjs/common';
import { type TokenError, wrongOption } from '@tessera/token/core';

export type RefusalCode = 'token_missing' | 'invalid_token' | 'insufficient_scope' | 'temporarily_unavailable';

/** Why a call was refused. */
export interface Refusal {
  readonly code: RefusalCode;
  /** A fixed phrase, for the log only. */
  readonly reason: string;
  readonly cause?: TokenError;
  /** The scopes that the handler requires, if a scope was missing. */
  readonly scopes?: readonly string[];
}

/** RFC 9457 with `about:blank`: the title is the status's own phrase. The body never contains the cause. */
const ANSWERS = {
  token_missing: { status: 401, title: 'Unauthorized', exception: UnauthorizedException },
  invalid_token: { status: 401, title: 'Unauthorized', exception: UnauthorizedException },
  insufficient_scope: { status: 403, title: 'Forbidden', exception: ForbiddenException },
  temporarily_unavailable: { status: 503, title: 'Service Unavailable', exception: ServiceUnavailableException },
} as const;

/** The codes that Apollo documents; 503 has none there. */
const GRAPHQL_CODES = { 401: 'UNAUTHENTICATED', 403: 'FORBIDDEN', 503: 'SERVICE_UNAVAILABLE' } as const;

const PROBLEM_JSON = 'application/problem+json';

/** The realm becomes a quoted string in a header. */
export function checkRealm(realm: unknown): string {
  if (typeof realm !== 'string' || !/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(realm))
    throw wrongOption('realm', 'cannot be written in a header', 'use printable ASCII without " and \\');
  return realm;
}

/**
 * Returns the exception of a refusal. Over HTTP, writes the headers of the response, too; Nest's filter sends the exception's body. For GraphQL, the
 * exception has `extensions`, which every GraphQL server sends with the error.
 */
export function refuse(context: ExecutionContext, refusal: Refusal, realm: string): HttpException {
  const { status, title, exception: Exception } = ANSWERS[refusal.code];
  const body = { type: 'about:blank', title, status, error: refusal.code };
  const exception = new Exception(body);
  // Nest's own `cause` is enumerable: a filter that sends the whole exception would send the TokenError, too.
  if (refusal.cause !== undefined)
    Object.defineProperty(exception, 'cause', { value: refusal.cause, enumerable: false, configurable: true });
  const type = context.getType<string>();
  if (type === 'http') {
    const response = context.getArgByIndex<Response | undefined>(1) ?? {};
    if (status === 503) setHeader(response, 'Retry-After', String(refusal.cause?.retryAfterSeconds ?? 1));
    else setHeader(response, 'WWW-Authenticate', challenge(refusal, realm));
    declareProblem(response, body);
  }
  if (type !== 'graphql') return exception;
  return Object.assign(exception, {
    message: title,
    // Apollo sends the stack in development. Its frames tell at which step a token was refused.
    stack: `${exception.name}: ${title}`,
    extensions: { code: GRAPHQL_CODES[status], error: refusal.code },
  });
}

/** RFC 6750, section 3: no error code for a request without a token. */
function challenge({ code, scopes = [] }: Refusal, realm: string): string {
  const error = code === 'token_missing' ? '' : `, error="${code}"`;
  const scope = scopes.length === 0 ? '' : `, scope="${scopes.join(' ')}"`;
  return `Bearer realm="${realm}"${error}${scope}`;
}

interface Response {
  readonly setHeader?: (name: string, value: string) => unknown;
  readonly header?: (name: string, value: string) => unknown;
  json?: (body: unknown) => unknown;
}

/** Express and raw Node have `setHeader`, Fastify `header`. */
function setHeader(response: Response, name: string, value: string): void {
  if (typeof response.setHeader === 'function') response.setHeader(name, value);
  else if (typeof response.header === 'function') response.header(name, value);
}

/**
 * RFC 9457, section 3. Nest's Express adapter warns of any type but `application/json` on an error's body and replaces it. So there the type is set
 * when the body is written, and only for our body.
 */
function declareProblem(response: Response, body: object): void {
  const { json } = response;
  if (typeof json !== 'function') {
    setHeader(response, 'Content-Type', PROBLEM_JSON);
    return;
  }
  response.json = (sent) => {
    if (sent === body) setHeader(response, 'Content-Type', PROBLEM_JSON);
    return json.call(response, sent);
  };
}
