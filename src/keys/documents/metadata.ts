import type { TesseraClaims } from '@tessera/token';
import type { Config } from '../../config/config.ts';
import type { RingKey } from '../key-ring.ts';
import { issuerOf } from '../../domain/issuer.ts';

/** RFC 6749, section 2.3.1, where a client speaks for itself. */
const CLIENT_AUTHENTICATION = Object.freeze(['client_secret_basic', 'client_secret_post']);

/** What the documents say of the whole service. */
export type PublishedService = Pick<Config, 'publicUrl' | 'apiDocs'>;

/** RFC 7517, section 5. The members that make the key, and what it is for. */
export function keySet(keys: readonly RingKey[]): object {
  return { keys: keys.map((key) => ({ ...key.publicJwk, kid: key.kid, alg: key.alg, use: 'sig' })) };
}

/**
 * RFC 8414, section 2: what is true of this service, and no more.
 *
 * There is no authorization endpoint, so the only response type is the registered `none`. Where RFC 8414 gives an omitted member a
 * meaning (`grant_types_supported`, `token_endpoint_auth_methods_supported`), it is said in a name of our own rather than left to a default
 * that is wrong: the token endpoints take JSON, and the client's secret in it.
 */
export function authorizationServerMetadata({ publicUrl, apiDocs }: PublishedService, tenantId: string): object {
  const issuer = issuerOf(publicUrl, tenantId);
  return {
    issuer,
    jwks_uri: `${issuer}/jwks.json`,
    token_endpoint: `${publicUrl}/auth/user/generateToken`,
    response_types_supported: ['none'],
    grant_types_supported: ['urn:tessera:grant-type:generate-token'],
    token_endpoint_auth_methods_supported: ['urn:tessera:client-auth:secret-id'],
    revocation_endpoint: `${issuer}/revoke`,
    revocation_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
    introspection_endpoint: `${issuer}/introspect`,
    introspection_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
    ...(apiDocs ? { service_documentation: `${publicUrl}/docs` } : {}),
    tessera_token_endpoints: {
      user: `${publicUrl}/auth/user/generateToken`,
      admin: `${publicUrl}/auth/admin/generateToken`,
    },
  };
}

/**
 * OpenID Connect Discovery 1.0, section 3, for verifiers that look here for issuer and keys. No ID tokens are issued;
 * `id_token_signing_alg_values_supported` is required, and the place where verifiers look for the algorithms of the keys.
 */
export function openidConfiguration(service: PublishedService, tenantId: string, keys: readonly RingKey[]): object {
  return {
    ...authorizationServerMetadata(service, tenantId),
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...new Set(keys.map((key) => key.alg))].sort(),
    claims_supported: CLAIMS,
  };
}

/** The members that the type of the payload names. Its index signature, for claims of a later version, is left out. */
type ClaimName = keyof {
  [Name in keyof TesseraClaims as string extends Name ? never : number extends Name ? never : Name]: true;
};

/** Whether Tessera writes the claim. A new member of the type does not compile until it has a row here. */
const IS_WRITTEN = {
  iss: true,
  sub: true,
  aud: true,
  client_id: true,
  iat: true,
  exp: true,
  // A token is good from the moment it is issued.
  nbf: false,
  jti: true,
  scope: true,
  roles: true,
  groups: true,
  resources: true,
  tenant_id: true,
  project_id: true,
  email_id: true,
  surface: true,
  act: true,
  idp: true,
} as const satisfies Record<ClaimName, boolean>;

const CLAIMS: readonly string[] = Object.freeze(
  Object.entries(IS_WRITTEN).flatMap(([name, isWritten]) => (isWritten ? name : [])),
);
