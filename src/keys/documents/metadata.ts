import type { TesseraClaims } from '@tessera/token';
import type { Config } from '../../config/config.ts';
import { GRANT_TYPES } from '../../domain/grant-types.ts';
import { SUBJECT_TOKEN_ALGORITHM_NAMES } from '../../identity-providers/subject-token-algorithm.ts';
import type { RingKey } from '../key-ring.ts';
import { issuerOf } from '../../domain/issuer.ts';

/** RFC 6749, section 2.3.1, and RFC 7523, section 2.2, for the endpoints where clients authenticate. */
const CLIENT_AUTHENTICATION = Object.freeze(['client_secret_basic', 'client_secret_post', 'private_key_jwt']);

/** The settings that appear in the documents. */
export type PublishedService = Pick<Config, 'publicUrl' | 'apiDocs'>;

/** RFC 7517, section 5. Contains the public key members and the key's purpose. */
export function keySet(keys: readonly RingKey[]): object {
  return { keys: keys.map((key) => ({ ...key.publicJwk, kid: key.kid, alg: key.alg, use: 'sig' })) };
}

/**
 * RFC 8414, section 2: only statements that are true for this service.
 *
 * There is no authorization endpoint, so the only response type is the registered `none`. The endpoints of the surfaces, which take JSON, are no token
 * endpoints of that RFC: they are in a member of our own.
 */
export function authorizationServerMetadata({ publicUrl, apiDocs }: PublishedService, tenantId: string): object {
  const issuer = issuerOf(publicUrl, tenantId);
  return {
    issuer,
    jwks_uri: `${issuer}/jwks.json`,
    token_endpoint: `${issuer}/token`,
    response_types_supported: ['none'],
    grant_types_supported: Object.values(GRANT_TYPES),
    ...clientAuthenticationAt('token'),
    revocation_endpoint: `${issuer}/revoke`,
    ...clientAuthenticationAt('revocation'),
    introspection_endpoint: `${issuer}/introspect`,
    ...clientAuthenticationAt('introspection'),
    ...(apiDocs ? { service_documentation: `${publicUrl}/docs` } : {}),
    tessera_token_endpoints: {
      user: `${publicUrl}/auth/user/generateToken`,
      admin: `${publicUrl}/auth/admin/generateToken`,
    },
  };
}

function clientAuthenticationAt(endpoint: 'token' | 'revocation' | 'introspection'): object {
  return {
    [`${endpoint}_endpoint_auth_methods_supported`]: CLIENT_AUTHENTICATION,
    [`${endpoint}_endpoint_auth_signing_alg_values_supported`]: SUBJECT_TOKEN_ALGORITHM_NAMES,
  };
}

/**
 * OpenID Connect Discovery 1.0, section 3, for verifiers that look up issuer and keys here. No ID tokens are issued, but
 * `id_token_signing_alg_values_supported` is required, and verifiers take the keys' algorithms from it.
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
  // Not written: a token is valid from the moment it is issued.
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
  root: true,
} as const satisfies Record<ClaimName, boolean>;

const CLAIMS: readonly string[] = Object.freeze(
  Object.entries(IS_WRITTEN).flatMap(([name, isWritten]) => (isWritten ? name : [])),
);
