/** What the `Authorization` headers of a request say. */
export type Bearer =
  | { readonly kind: 'none' }
  /** A token by its alphabet; verification says whether it is a good one. */
  | { readonly kind: 'token'; readonly token: string }
  /** More than one header. */
  | { readonly kind: 'several' }
  /** Another scheme, nothing after it, or something that is not one token. */
  | { readonly kind: 'malformed' };

// RFC 6750, section 2.1: the scheme, one or more spaces, one b64token, and nothing around them. The scheme has no case (RFC 9110, section 11.1).
const CREDENTIALS = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/**
 * The one reading of a bearer, for the service and for those who guard their routes with the client library: a proxy and what stands behind it must not
 * read two tokens out of one request.
 *
 * @param headers every `Authorization` header of the request: Node's joined view keeps the first of two and hides the other
 */
export function readBearer(headers: readonly string[]): Bearer {
  const [header] = headers;
  if (header === undefined) return { kind: 'none' };
  if (headers.length > 1) return { kind: 'several' };
  const token = CREDENTIALS.exec(header)?.[1];
  return token === undefined ? { kind: 'malformed' } : { kind: 'token', token };
}
