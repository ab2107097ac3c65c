import { type Bearer, readBearer } from '@tessera/token/core';
import { TesseraError } from '../errors/tessera-error.ts';

const NO_TOKEN: Readonly<Record<Exclude<Bearer['kind'], 'token'>, string>> = {
  none: 'no bearer',
  // With several headers, a gateway before this service may have used another one than is checked here.
  several: 'more than one bearer',
  malformed: 'the Authorization header is not one bearer',
};

/**
 * Extracts the bearer token of a request.
 *
 * @param authorization every header of that name
 * @throws TesseraError unauthorized unless there is exactly one
 */
export function bearerOf(authorization: readonly string[] | undefined): string {
  const bearer = readBearer(authorization ?? []);
  if (bearer.kind !== 'token') throw new TesseraError('unauthorized', NO_TOKEN[bearer.kind]);
  return bearer.token;
}
