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
  /** The token to exchange: the answer is about its subject, and the client acts for it. */
  readonly subjectToken?: string;
}

/** The response of a token endpoint. */
export interface TestTokenResponse {
  readonly access_token: string;
  readonly expires_in: number;
  readonly token_type: string;
}

/** An exchanged token keeps the subject and names the client as its actor, as at a real Tessera. */
export function requestedFields({
  emailId,
  surface,
  audience,
  scope,
  subjectToken,
  ...client
}: TestTokenRequest): TestTokenFields {
  const { projectId, clientId } = client;
  const asked = {
    ...client,
    ...(audience === undefined ? {} : { audience }),
    ...(scope === undefined ? {} : { scopes: scope.split(' ') }),
  };
  if (subjectToken === undefined)
    return emailId === undefined
      ? { ...asked, surface: 'service' }
      : { ...asked, email: emailId, surface: surface ?? 'user' };
  const { claims } = decodeUnverified(subjectToken) as unknown as { readonly claims: TesseraClaims };
  const previous = claims.act ?? {
    sub: subjectOfClient(claims.project_id, claims.client_id),
    client_id: claims.client_id,
  };
  return {
    scopes: claims.scope.split(' '),
    roles: claims.roles,
    groups: claims.groups,
    resources: claims.resources,
    ...asked,
    subject: claims.sub,
    ...(claims.email_id === undefined ? {} : { email: claims.email_id }),
    surface: claims.surface,
    actor: { sub: subjectOfClient(projectId, clientId), client_id: clientId, act: previous },
    root: claims.root ?? claims.jti,
  };
}
