import type { ActorClaim, Surface } from '../verify/claims.ts';

/** The fields of a `VerifiedToken`, each with a default that makes a good token. */
export interface TestTokenFields {
  readonly issuer?: string;
  /** Default `test-subject`; on the surface `service` the client: `client:<projectId>/<clientId>`. */
  readonly subject?: string;
  readonly audience?: string;
  readonly tokenId?: string;
  readonly keyId?: string;
  /** Default: the first tenant. */
  readonly tenantId?: string;
  readonly projectId?: string;
  readonly clientId?: string;
  /** Default `test@acme.example`; none on the surface `service`. */
  readonly email?: string;
  readonly surface?: Surface;
  readonly scopes?: readonly string[];
  readonly roles?: readonly string[];
  readonly groups?: readonly string[];
  readonly resources?: readonly string[];
  readonly issuedAt?: number;
  readonly expiresAt?: number;
  /** Who acts for the subject, with earlier actors in `act`: `{ sub: 'client:shop/web', client_id: 'web', act: { sub: 'client:shop/app' } }`. */
  readonly actor?: ActorClaim;
  readonly root?: string;
  readonly identityProvider?: string;
  /** Further or broken claims. They override all other fields. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Default 600; negative for a token that has expired. */
  readonly ttlSeconds?: number;
}

export function subjectOfClient(projectId: string, clientId: string): string {
  return `client:${projectId}/${clientId}`;
}
