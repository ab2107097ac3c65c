import { TokenError } from '@tessera/token/core';
import { parseClientId, parseProjectId } from '../../../domain/ids.ts';
import { PresentedToken } from '../../../domain/presented-token.ts';
import type { Surface } from '../../../domain/surface.ts';
import { TesseraError } from '../../../errors/tessera-error.ts';
import { bearerOf } from '../../../verification/bearer.ts';
import { UnverifiedToken } from '../../../verification/unverified-token.ts';
import type { TokenRequest } from '../../grant.ts';

/** A request of oidcToken: a bearer of this service for the client, and a subject token. */
export interface OidcTokenRequest extends TokenRequest {
  readonly source: string;
  /** The client that the bearer names, `project/client`. Not verified yet; only for the failure limit. */
  readonly claimedClient: string;
  /** A token of this service, of this surface: it fixes tenant, project and client. Parsed already where it is an `UnverifiedToken`. */
  readonly bearer: PresentedToken;
  /** Of an issuer that the tenant trusts. */
  readonly oidcToken: PresentedToken;
}

/** The input of an exchange request from the edge. */
export interface OidcTokenInput {
  readonly surface: Surface;
  /** Every `Authorization` header as it came. */
  readonly authorization: readonly string[] | undefined;
  readonly body: unknown;
  readonly source: string;
}

/**
 * Parses the request. The tenant comes from the bearer's `iss`, which is not verified yet and only selects the keys.
 *
 * @throws TesseraError unauthorized for the bearer, invalid_request for the body
 */
export function parseOidcTokenRequest(publicUrl: string, input: OidcTokenInput): OidcTokenRequest {
  const text = bearerOf(input.authorization);
  const oidcToken = parseBody(input.body);
  const bearer = parseBearer(publicUrl, text);
  return {
    surface: input.surface,
    source: input.source,
    tenantId: bearer.tenantId,
    claimedClient: claimedClientOf(bearer),
    bearer,
    oidcToken: new PresentedToken(oidcToken),
  };
}

function parseBody(body: unknown): string {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw refused('The body must be a JSON object.');
  const { oidc_token: oidcToken, ...unknown } = body as Record<string, unknown>;
  if (oidcToken === undefined) throw refused('oidc_token is missing.');
  if (typeof oidcToken !== 'string') throw refused('oidc_token must be a string.');
  if (oidcToken === '') throw refused('oidc_token must not be empty.');
  if (Object.keys(unknown).length > 0) throw refused('The body has a member that is not oidc_token.');
  return oidcToken;
}

function refused(detail: string): TesseraError {
  return new TesseraError('invalid_request', 'the body is not an exchange request', { detail });
}

function parseBearer(publicUrl: string, text: string): UnverifiedToken {
  try {
    return UnverifiedToken.parse(publicUrl, text);
  } catch (cause) {
    if (!(cause instanceof TokenError)) throw cause;
    const isOfAnother = cause.code === 'TOKEN_ISSUER_UNTRUSTED';
    throw new TesseraError(
      'unauthorized',
      isOfAnother ? 'the bearer is of another issuer' : 'the bearer is malformed',
      { cause },
    );
  }
}

/** All invalid client names count as one client. */
function claimedClientOf(bearer: UnverifiedToken): string {
  const { claims } = UnverifiedToken.parsed(bearer);
  return `${parseProjectId(claims['project_id']) ?? '?'}/${parseClientId(claims['client_id']) ?? '?'}`;
}
