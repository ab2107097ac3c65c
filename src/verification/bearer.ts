import { type Bearer, readBearer } from '@tessera/token/core';
import { TesseraError } from '../errors/tessera-error.ts';

/** The private reason, and a public text where the request itself shows it: whether a header was sent says nothing about a token. */
const NO_TOKEN: Readonly<
  Record<Exclude<Bearer['kind'], 'token'>, { readonly reason: string; readonly detail?: string }>
> = {
  none: {
    reason: 'no bearer',
    detail: 'The request has no Authorization header. Send "Authorization: Bearer" and an access token.',
  },
  // With several headers, a gateway before this service may have used another one than is checked here.
  several: {
    reason: 'more than one bearer',
    detail: 'The request has more than one Authorization header. Send exactly one.',
  },
  malformed: { reason: 'the Authorization header is not one bearer' },
};

/**
 * Extracts the bearer token of a request.
 *
 * @param authorization every header of that name
 * @throws TesseraError unauthorized unless there is exactly one
 */
export function bearerOf(authorization: readonly string[] | undefined): string {
  const bearer = readBearer(authorization ?? []);
  if (bearer.kind === 'token') return bearer.token;
  const { reason, ...options } = NO_TOKEN[bearer.kind];
  throw new TesseraError('unauthorized', reason, options);
}
