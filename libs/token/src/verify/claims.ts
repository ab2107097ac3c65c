/** Which set of endpoints issued a token and accepts it. A token of one surface is never accepted by the other. */
export type Surface = 'admin' | 'user' | 'service';

/** The algorithms that Tessera signs with (RFC 7518, section 3.1; RFC 8037, section 3.1 with Ed25519). */
export type SigningAlgorithm = 'ES256' | 'RS256' | 'EdDSA';

/** The payload of a Tessera access token, with wire names (RFC 9068, section 2.2, and Tessera's own). */
export interface TesseraClaims {
  /** `<PUBLIC_URL>/tenants/<tenant_id>` */
  readonly iss: string;
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
  /** Absent for a service. */
  readonly email_id?: string;
  readonly surface: Surface;
  /** After an exchange: who requested it (RFC 8693, section 4.1). */
  readonly act?: ActorClaim;
  /** After an exchange: the issuer of the subject token. */
  readonly idp?: string;
  readonly [claim: string]: unknown;
}

export interface ActorClaim {
  readonly client_id?: string;
  readonly sub: string;
  readonly act?: ActorClaim;
}
