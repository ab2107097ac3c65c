import type { IncomingMessage } from 'node:http';
import { TesseraError } from '../../errors/tessera-error.ts';

/**
 * RFC 9112, section 3.2: a request without Host, with several of them, or with one that is no host is answered with 400. What it says is
 * believed nowhere, but a proxy in front may have chosen its rules by another of them.
 *
 * @returns undefined for a request that is as it should be
 */
export function hostFault({ headers, rawHeaders, httpVersionMinor }: IncomingMessage): TesseraError | undefined {
  const { host } = headers;
  if (host === undefined)
    return httpVersionMinor === 1 ? new TesseraError('invalid_request', 'no Host header') : undefined;
  if (!HOST.test(host)) return new TesseraError('invalid_request', 'the Host header names no host');
  // `headers` holds the first one alone.
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts > 1 ? new TesseraError('invalid_request', 'several Host headers') : undefined;
}

/** `uri-host [ ":" port ]` of RFC 9110, section 7.2, by its characters; empty where the target has no host. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+;=-]*)(?::\d*)?$/;

/**
 * Whether a request target's path is written as this service writes all of its own: with no percent-encoding and no fragment. The router would
 * decode the path, and a rule of a proxy for `/metrics` does not see `/%6detrics`.
 */
export function isPlainPath(target: string): boolean {
  const query = target.indexOf('?');
  return !NOT_PLAIN.test(query === -1 ? target : target.slice(0, query));
}

const NOT_PLAIN = /[%#]/;
