/**
 * The grants of the token endpoint, as the command line names them, with their `grant_type`. The metadata and the API document list these; what offers
 * and explains them does not compile without a row for each.
 */
export const GRANT_TYPES = Object.freeze({
  client_credentials: 'client_credentials',
  'token-exchange': 'urn:ietf:params:oauth:grant-type:token-exchange',
  'jwt-bearer': 'urn:ietf:params:oauth:grant-type:jwt-bearer',
} as const);

export type EndpointGrant = keyof typeof GRANT_TYPES;
