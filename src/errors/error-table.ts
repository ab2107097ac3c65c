/** Maps each error code to its public answer (RFC 9457 problem details) and its log level. A code without a row does not compile. */
export type ErrorCode =
  | 'invalid_request'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'unauthorized'
  | 'invalid_client'
  | 'unauthorized_client'
  | 'invalid_grant'
  | 'invalid_scope'
  | 'invalid_target'
  | 'unsupported_grant_type'
  | 'forbidden'
  | 'client_not_found'
  | 'route_not_found'
  | 'method_not_allowed'
  | 'request_timeout'
  | 'header_fields_too_large'
  | 'too_many_requests'
  | 'token_too_large'
  | 'temporarily_unavailable'
  | 'server_error';

export interface ErrorRow {
  readonly status: number;
  readonly title: string;
  /** Default public text. It never says which check failed. */
  readonly detail: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

export const ERROR_TABLE: Readonly<Record<ErrorCode, ErrorRow>> = Object.freeze({
  invalid_request: {
    status: 400,
    title: 'Invalid request payload',
    detail: 'The request does not have the documented form.',
    logLevel: 'info',
  },
  payload_too_large: {
    status: 413,
    title: 'Payload too large',
    detail: 'The request body is larger than 64 KiB.',
    logLevel: 'info',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    detail: 'The request body must be application/json in UTF-8, or a form where the API says so.',
    logLevel: 'info',
  },
  unauthorized: {
    status: 401,
    title: 'Unauthorized',
    detail: 'The caller could not be authenticated or is not entitled to this token.',
    logLevel: 'info',
  },
  // The next codes have the names of RFC 6749, section 5.2, and RFC 8693, section 2.2.2, for clients written against these RFCs.
  invalid_client: {
    status: 401,
    title: 'Unauthorized',
    detail: 'The client could not be authenticated.',
    logLevel: 'info',
  },
  unauthorized_client: {
    status: 400,
    title: 'Unauthorized client',
    detail: 'The token was issued to another client.',
    logLevel: 'info',
  },
  invalid_grant: {
    status: 400,
    title: 'Invalid grant',
    detail: 'The presented token or assertion is not valid here, or its subject may not have a token.',
    logLevel: 'info',
  },
  invalid_scope: {
    status: 400,
    title: 'Invalid scope',
    detail: 'A requested scope cannot be granted.',
    logLevel: 'info',
  },
  invalid_target: {
    status: 400,
    title: 'Invalid target',
    detail: 'The client may not have a token for this resource or audience.',
    logLevel: 'info',
  },
  unsupported_grant_type: {
    status: 400,
    title: 'Unsupported grant type',
    detail: 'The grant type is not supported.',
    logLevel: 'info',
  },
  forbidden: {
    status: 403,
    title: 'Forbidden',
    detail: 'The token does not permit this.',
    logLevel: 'info',
  },
  client_not_found: {
    status: 404,
    title: 'Client not found',
    detail: 'No such client is registered.',
    logLevel: 'info',
  },
  route_not_found: {
    status: 404,
    title: 'Not found',
    detail: 'There is nothing at this address.',
    logLevel: 'info',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    detail: 'This address does not answer to that method.',
    logLevel: 'info',
  },
  request_timeout: {
    status: 408,
    title: 'Request timeout',
    detail: 'The request did not arrive in time.',
    logLevel: 'info',
  },
  header_fields_too_large: {
    status: 431,
    title: 'Request header fields too large',
    detail: 'The request headers are too large.',
    logLevel: 'info',
  },
  too_many_requests: {
    status: 429,
    title: 'Too many requests',
    detail: 'Too many failed attempts came from this address. Try again later.',
    logLevel: 'warn',
  },
  token_too_large: {
    status: 500,
    title: 'Failed to generate token',
    detail: 'The token would exceed the size budget.',
    logLevel: 'error',
  },
  temporarily_unavailable: {
    status: 503,
    title: 'Failed to generate token',
    detail: 'A service that this request needs does not answer. Try again later.',
    logLevel: 'error',
  },
  server_error: {
    status: 500,
    title: 'Failed to generate token',
    detail: 'The request failed unexpectedly.',
    logLevel: 'error',
  },
});
