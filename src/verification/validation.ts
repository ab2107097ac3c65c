import type { VerifiedToken } from '@tessera/token/core';
import { TesseraError } from '../errors/tessera-error.ts';
import { queryParameter } from '../http/bodies/query-parameter.ts';
import { isGrantName } from '../domain/names.ts';

/** Everything that a token must have. */
export interface Requirement {
  readonly scopes: readonly string[];
  readonly resources: readonly string[];
}

export const NOTHING_MORE: Requirement = Object.freeze({ scopes: [], resources: [] });

/** @throws TesseraError invalid_request */
export function scopeAsked(query: unknown): Requirement {
  const list = queryParameter(query, 'scope');
  if (list === undefined) throw refused('scope', list);
  // Separated by spaces (RFC 6749, section 3.3).
  return { scopes: list.split(' ').map((name) => grantName('scope', name)), resources: [] };
}

/** @throws TesseraError invalid_request */
export function resourceAsked(query: unknown): Requirement {
  return { scopes: [], resources: [grantName('resource', queryParameter(query, 'resource'))] };
}

/** @throws TesseraError invalid_request */
export function permissionAsked(body: unknown): Requirement {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new TesseraError('invalid_request', 'the body is not a JSON object', {
      detail: 'The body must be a JSON object.',
    });
  const { scope, resource, ...unknown } = body as Record<string, unknown>;
  if (Object.keys(unknown).length > 0)
    throw new TesseraError('invalid_request', 'the body has an unknown member', {
      detail: 'The body has a member that is not scope or resource.',
    });
  return { scopes: [grantName('scope', scope)], resources: [grantName('resource', resource)] };
}

export function holds(token: VerifiedToken, { scopes, resources }: Requirement): boolean {
  return (
    scopes.every((scope) => token.scopes.includes(scope)) &&
    resources.every((resource) => token.resources.includes(resource))
  );
}

function grantName(member: string, value: unknown): string {
  if (!isGrantName(value)) throw refused(member, value);
  return value;
}

function refused(member: string, value: unknown): TesseraError {
  return new TesseraError('invalid_request', 'what is required is not named', {
    detail: `${member} ${value === undefined ? 'is missing' : 'must be 1 to 128 characters of an OAuth scope'}.`,
  });
}
