import { type Bearer, readBearer } from '@tessera/token/core';
import { TesseraError } from '../errors/tessera-error.ts';

const NO_TOKEN: Readonly<Record<Exclude<Bearer['kind'], 'token'>, string>> = {
  none: 'no bearer',
  // A gateway in front may have decided by another of several headers than the one that is checked here.
  several: 'more than one bearer',
  malformed: 'the Authorization header is not one bearer',
};

/**
 * The bearer token of a request.
 *
 * @param authorization every header of that name
 * @throws TesseraError unauthorized when there is not exactly one
 */
export function bearerOf(authorization: readonly string[] | undefined): string {
  const bearer = readBearer(authorization ?? []);
  if (bearer.kind !== 'token') throw new TesseraError('unauthorized', NO_TOKEN[bearer.kind]);
  return bearer.token;
}
