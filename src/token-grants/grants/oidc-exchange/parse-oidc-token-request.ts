import { type Bearer, parseCompactToken, readBearer, TokenError } from '@tessera/token/core';
import { TesseraError } from '../../../errors/tessera-error.ts';
import { parseClientId, parseProjectId, parseTenantId, type TenantId } from '../../../domain/ids.ts';
import type { Surface } from '../../../domain/surface.ts';
import type { OidcTokenRequest } from './oidc-token-request.ts';
import { PresentedToken } from '../../../domain/presented-token.ts';

/** What the edge knows of a request for an exchange. */
export interface OidcTokenInput {
  readonly surface: Surface;
  /** Every `Authorization` header as it came. */
  readonly authorization: readonly string[] | undefined;
  readonly body: unknown;
  readonly source: string;
}

const NO_TOKEN: Readonly<Record<Exclude<Bearer['kind'], 'token'>, string>> = {
  none: 'no bearer',
  several: 'more than one bearer',
  malformed: 'the Authorization header is not one bearer',
};

/**
 * Hop 1 of oidcToken. The tenant comes from the bearer's `iss`, which nothing has proven yet: it says where to look, no more.
 *
 * @throws TesseraError unauthorized for the bearer, invalid_request for the body
 */
export function parseOidcTokenRequest(publicUrl: string, input: OidcTokenInput): OidcTokenRequest {
  const bearer = parseBearer(input.authorization);
  const oidcToken = parseBody(input.body);
  const claims = unverifiedClaims(bearer);
  return {
    surface: input.surface,
    source: input.source,
    tenantId: tenantOf(claims['iss'], publicUrl),
    claimedClient: claimedClientOf(claims),
    bearer: new PresentedToken(bearer),
    oidcToken: new PresentedToken(oidcToken),
  };
}

function parseBearer(headers: readonly string[] | undefined): string {
  const bearer = readBearer(headers ?? []);
  if (bearer.kind !== 'token') throw new TesseraError('unauthorized', NO_TOKEN[bearer.kind]);
  return bearer.token;
}

function parseBody(body: unknown): string {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw refused('The body must be a JSON object.');
  const { oidc_token: oidcToken, ...unknown } = body as Record<string, unknown>;
  if (typeof oidcToken !== 'string') throw refused('oidc_token must be a string.');
  if (oidcToken === '') throw refused('oidc_token must not be empty.');
  if (Object.keys(unknown).length > 0) throw refused('The body has a member that is not oidc_token.');
  return oidcToken;
}

function refused(detail: string): TesseraError {
  return new TesseraError('invalid_request', 'the body is not an exchange request', { detail });
}

/** Exactly `<publicUrl>/tenants/<id>`: no other case, no slash behind it, no port spelled out. */
function tenantOf(issuer: unknown, publicUrl: string): TenantId {
  const base = `${publicUrl}/tenants/`;
  const tenantId =
    typeof issuer === 'string' && issuer.startsWith(base) ? parseTenantId(issuer.slice(base.length)) : undefined;
  if (tenantId === undefined) throw new TesseraError('unauthorized', 'the bearer is of another issuer');
  return tenantId;
}

/** One name for all that no client of ours can have. */
function claimedClientOf(claims: Readonly<Record<string, unknown>>): string {
  return `${parseProjectId(claims['project_id']) ?? '?'}/${parseClientId(claims['client_id']) ?? '?'}`;
}

function unverifiedClaims(bearer: string): Readonly<Record<string, unknown>> {
  try {
    return parseCompactToken(bearer).claims;
  } catch (error) {
    if (error instanceof TokenError)
      throw new TesseraError('unauthorized', 'the bearer is malformed', { cause: error });
    throw error;
  }
}
