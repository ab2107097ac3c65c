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

/** A no, before it becomes an answer. */
export interface Refusal {
  readonly code: RefusalCode;
  /** For the log alone, in fixed phrases. */
  readonly reason: string;
  readonly cause?: TokenError;
  /** The scopes that the handler asks for, where a scope was missing. */
  readonly scopes?: readonly string[];
}

/** RFC 9457 with `about:blank`: the title is the status's own phrase. Nothing of the cause is in the body. */
const ANSWERS = {
  token_missing: { status: 401, title: 'Unauthorized', exception: UnauthorizedException },
  invalid_token: { status: 401, title: 'Unauthorized', exception: UnauthorizedException },
  insufficient_scope: { status: 403, title: 'Forbidden', exception: ForbiddenException },
  temporarily_unavailable: { status: 503, title: 'Service Unavailable', exception: ServiceUnavailableException },
} as const;

const PROBLEM_JSON = 'application/problem+json';

/** A realm stands in quotes in a header. */
export function checkRealm(realm: unknown): string {
  if (typeof realm !== 'string' || !/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(realm))
    throw wrongOption('realm', 'cannot stand in a header', 'use printable ASCII without " and \\');
  return realm;
}

/** Writes the headers of the answer, and gives the exception whose body Nest's filter sends. */
export function refuse(context: ExecutionContext, refusal: Refusal, realm: string): HttpException {
  const { status, title, exception: Exception } = ANSWERS[refusal.code];
  const body = { type: 'about:blank', title, status, error: refusal.code };
  const response = responseOf(context);
  if (status === 503) setHeader(response, 'Retry-After', String(refusal.cause?.retryAfterSeconds ?? 1));
  else setHeader(response, 'WWW-Authenticate', challenge(refusal, realm));
  if (context.getType() === 'http') declareProblem(response, body);
  return new Exception(body, refusal.cause === undefined ? {} : { cause: refusal.cause });
}

/** RFC 6750, section 3: no error where there was no token to judge. */
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

/** A GraphQL request may know its response; other contexts have none. */
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
 * RFC 9457, section 3. Nest's adapter for Express warns of any type but `application/json` on an error's body and replaces it; there the type is
 * written with the body, and only with ours.
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
