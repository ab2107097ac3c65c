/**
 * The kind of subject that a token is about: an administrator, a user, or a client itself. A token of one surface is never valid on another.
 */
export type Surface = 'admin' | 'user' | 'service';

/** The algorithms that Tessera signs with (RFC 7518, section 3.1; RFC 8037, section 3.1 with Ed25519). */
export type SigningAlgorithm = 'ES256' | 'RS256' | 'EdDSA';

/** The payload of a Tessera access token, with wire names (RFC 9068, section 2.2, and Tessera's own). */
export interface TesseraClaims {
  /** `<PUBLIC_URL>/tenants/<tenant_id>` */
  readonly iss: string;
  /** On the surface `service`: `client:<project>/<client>`. No user or administrator has a `sub` of that form. */
  readonly sub: string;
  /** One audience, never an array. */
  readonly aud: string;
  readonly client_id: string;
  /** Epoch seconds. */
  readonly iat: number;
  readonly exp: number;
  readonly nbf?: number;
  readonly jti: string;
  /** Space-separated (RFC 6749, section 3.3); empty when the subject has none. */
  readonly scope: string;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  readonly resources: readonly string[];
  readonly tenant_id: string;
  readonly project_id: string;
  /** Absent on the surface `service`, and only there. */
  readonly email_id?: string;
  readonly surface: Surface;
  /** After an exchange: who requested it (RFC 8693, section 4.1). */
  readonly act?: ActorClaim;
  /** After an exchange of a Tessera token: the `jti` of the first token of the chain. Absent in that token itself. */
  readonly root?: string;
  /** After an exchange: the issuer of the subject token. */
  readonly idp?: string;
  readonly [claim: string]: unknown;
}

export interface ActorClaim extends Actor {
  readonly act?: ActorClaim;
}

/** Somebody who acts for the subject of a token. A client has the `sub` `client:<project>/<client>`. */
export interface Actor {
  readonly sub: string;
  readonly client_id?: string;
}
