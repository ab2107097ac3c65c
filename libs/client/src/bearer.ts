/** What the `Authorization` header of a request holds. */
export type Bearer =
  | { readonly kind: 'none' }
  /** What follows the scheme; verification says whether it is a token. */
  | { readonly kind: 'token'; readonly token: string }
  /** More than one header, another scheme, or nothing after it. */
  | { readonly kind: 'invalid' };

/** RFC 6750, section 2.1; the scheme has no case (RFC 9110, section 11.1). */
const SCHEME = /^bearer +/i;

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
  const count = countAuthorizations(rawHeaders ?? raw?.rawHeaders ?? []);
  if (typeof value !== 'string' || count > 1) return { kind: 'invalid' };
  const scheme = SCHEME.exec(value)?.[0] ?? value;
  return scheme === value ? { kind: 'invalid' } : { kind: 'token', token: value.slice(scheme.length) };
}

/** @param rawHeaders names and values in turn */
function countAuthorizations(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 'authorization'.length && name.toLowerCase() === 'authorization') count++;
  }
  return count;
}
