import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';

/**
 * The value of every header line of that name, in order; undefined if there is none. `headers` keeps only one of several, and `headersDistinct` sorts
 * all headers of the request first, which costs more than the rest of the edge.
 *
 * @param name in lower case
 */
export function headerValues(
  { rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>,
  name: string,
): readonly string[] | undefined {
  let values: string[] | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const field = rawHeaders[index] ?? '';
    if (field.length === name.length && field.toLowerCase() === name) (values ??= []).push(rawHeaders[index + 1] ?? '');
  }
  return values;
}

/** Every `Authorization` header of a request. */
export function authorizationOf(request: FastifyRequest): readonly string[] | undefined {
  return headerValues(request.raw, 'authorization');
}
