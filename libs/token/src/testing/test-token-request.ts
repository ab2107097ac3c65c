import type { Surface, TesseraClaims } from '../verify/claims.ts';
import { decodeUnverified } from '../verify/compact-token.ts';
import { subjectOfClient, type TestTokenFields } from './test-token-fields.ts';

/** The request for a token for an outgoing call. */
export interface TestTokenRequest {
  readonly tenantId: string;
  readonly projectId: string;
  readonly clientId: string;
  /** Absent: a token of the client itself. */
  readonly emailId?: string;
  readonly surface?: Surface;
  readonly audience?: string;
  /** Space-separated. */
  readonly scope?: string;
}

/** The request to exchange a token for an outgoing call: the answer is about its subject, and the client acts for it. */
export interface TestExchangeRequest {
  readonly tenantId: string;
  readonly projectId: string;
  readonly clientId: string;
  readonly subjectToken: string;
  readonly audience?: string;
  readonly resource?: string;
  /** Space-separated. */
  readonly scope?: string;
}

/** The response of a token endpoint. */
export interface TestTokenResponse {
  readonly access_token: string;
  readonly expires_in: number;
  readonly token_type: string;
}

export function requestedFields(request: TestTokenRequest): TestTokenFields {
  const { emailId, surface = 'user' } = request;
  const asked = askedFields(request, request.audience);
  return emailId === undefined ? { ...asked, surface: 'service' } : { ...asked, email: emailId, surface };
}

/** An exchanged token keeps the subject and names the client as its actor, as at a real Tessera. */
export function exchangedFields(request: TestExchangeRequest): TestTokenFields {
  const { projectId, clientId, audience = request.resource } = request;
  const { claims } = decodeUnverified(request.subjectToken) as unknown as { readonly claims: TesseraClaims };
  const first = { sub: subjectOfClient(claims.project_id, claims.client_id), client_id: claims.client_id };
  return {
    scopes: claims.scope.split(' '),
    roles: claims.roles,
    groups: claims.groups,
    resources: claims.resources,
    ...askedFields(request, audience),
    subject: claims.sub,
    ...(claims.email_id === undefined ? {} : { email: claims.email_id }),
    surface: claims.surface,
    actor: { sub: subjectOfClient(projectId, clientId), client_id: clientId, act: claims.act ?? first },
    root: claims.root ?? claims.jti,
  };
}

function askedFields(
  { tenantId, projectId, clientId, scope }: TestTokenRequest | TestExchangeRequest,
  audience: string | undefined,
): TestTokenFields {
  return {
    tenantId,
    projectId,
    clientId,
    ...(audience === undefined ? {} : { audience }),
    ...(scope === undefined ? {} : { scopes: scope.split(' ') }),
  };
}
