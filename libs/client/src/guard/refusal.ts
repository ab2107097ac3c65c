import {
  type ExecutionContext,
  ForbiddenException,
  type HttpException,
  ServiceUnavailableException,
  UnauthorizedException,
} from '@nestjs/common';
import { type TokenError, wrongOption } from '@tessera/token/core';
import { requestOf } from './carried-token.ts';

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

const PROBLEM_JSON = 'application/problem+json';

/** The realm becomes a quoted string in a header. */
export function checkRealm(realm: unknown): string {
  if (typeof realm !== 'string' || !/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(realm))
    throw wrongOption('realm', 'cannot be written in a header', 'use printable ASCII without " and \\');
  return realm;
}

/** Writes the headers of the response, and returns the exception whose body Nest's filter sends. */
export function refuse(context: ExecutionContext, refusal: Refusal, realm: string): HttpException {
  const { status, title, exception: Exception } = ANSWERS[refusal.code];
  const body = { type: 'about:blank', title, status, error: refusal.code };
  const response = responseOf(context);
  if (status === 503) setHeader(response, 'Retry-After', String(refusal.cause?.retryAfterSeconds ?? 1));
  else setHeader(response, 'WWW-Authenticate', challenge(refusal, realm));
  if (context.getType() === 'http') declareProblem(response, body);
  return new Exception(body, refusal.cause === undefined ? {} : { cause: refusal.cause });
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

/** A GraphQL context may have a response; other contexts have none. */
function responseOf(context: ExecutionContext): Response {
  if (context.getType() === 'http') return context.getArgByIndex<Response | undefined>(1) ?? {};
  const request = requestOf(context) as { readonly res?: Response } | undefined;
  return request?.res ?? {};
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
