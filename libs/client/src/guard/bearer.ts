import { type Bearer, readBearer } from '@tessera/token/core';

interface HeaderSource {
  readonly headers?: Readonly<Record<string, unknown>>;
  /** Express passes Node's own request; Fastify keeps it in `raw`. */
  readonly rawHeaders?: readonly string[];
  readonly raw?: { readonly rawHeaders?: readonly string[] };
}

/** Reads the `Authorization` headers of a request of any framework. */
export function bearerOf(request: object): Bearer {
  const { headers, rawHeaders, raw } = request as HeaderSource;
  const value = headers?.authorization;
  if (value === undefined) return { kind: 'none' };
  // Node keeps the first of two headers and silently drops the other. A proxy in front may have checked the other one.
  if (countAuthorizations(rawHeaders ?? raw?.rawHeaders ?? []) > 1) return { kind: 'several' };
  return typeof value === 'string' ? readBearer([value]) : { kind: 'malformed' };
}

/** @param rawHeaders names and values alternate */
function countAuthorizations(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 'authorization'.length && name.toLowerCase() === 'authorization') count++;
  }
  return count;
}
