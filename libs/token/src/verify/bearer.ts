/** The content of the `Authorization` headers of a request. */
export type Bearer =
  | { readonly kind: 'none' }
  /** Only the token's alphabet was checked. It must still be verified. */
  | { readonly kind: 'token'; readonly token: string }
  /** More than one header. */
  | { readonly kind: 'several' }
  /** Another scheme, no token, or something that is not exactly one token. */
  | { readonly kind: 'malformed' };

// RFC 6750, section 2.1: the scheme, one or more spaces, one b64token, and nothing around them. The scheme has no case (RFC 9110, section 11.1).
const CREDENTIALS = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/**
 * Reads the bearer token of a request. The service and the client library both use this function: a proxy and the server behind it must not read
 * different tokens from one request.
 *
 * @param headers every `Authorization` header of the request. Node's `headers` object keeps the first of two and hides the other
 */
export function readBearer(headers: readonly string[]): Bearer {
  const [header] = headers;
  if (header === undefined) return { kind: 'none' };
  if (headers.length > 1) return { kind: 'several' };
  const token = CREDENTIALS.exec(header)?.[1];
  return token === undefined ? { kind: 'malformed' } : { kind: 'token', token };
}
