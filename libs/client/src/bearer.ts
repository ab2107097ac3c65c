/** What the `Authorization` header of a request holds. */
export type Bearer =
  | { readonly kind: 'none' }
  | { readonly kind: 'token'; readonly token: string }
  /** A header that is not exactly one bearer token. */
  | { readonly kind: 'invalid' };

/** RFC 6750, section 2.1; the scheme has no case (RFC 9110, section 11.1). */
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;

interface HeaderSource {
  readonly headers?: Readonly<Record<string, unknown>>;
  /** Express hands out Node's own request, Fastify keeps it in `raw`. */
  readonly rawHeaders?: readonly string[];
  readonly raw?: { readonly rawHeaders?: readonly string[] };
}

export function readBearer(request: object): Bearer {
  const { headers, rawHeaders, raw } = request as HeaderSource;
  const value = headers?.authorization;
  if (value === undefined) return { kind: 'none' };
  // Node keeps the first of two headers and drops the other without a word; a proxy in front may have gone by the other.
  const names = rawHeaders ?? raw?.rawHeaders ?? [];
  const count = names.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'authorization').length;
  const token = typeof value === 'string' && count < 2 ? BEARER.exec(value)?.[1] : undefined;
  return token === undefined ? { kind: 'invalid' } : { kind: 'token', token };
}
