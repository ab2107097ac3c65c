import type { IncomingMessage } from 'node:http';
import { TesseraError } from '../../errors/tessera-error.ts';
import { headerValues } from '../header-values.ts';

/**
 * Returns the 400 error for a request without a Host header, with several, or with an invalid one (RFC 9112, section 3.2). This service ignores the
 * header, but a proxy before it may choose its rules by one of several Host headers.
 *
 * @returns undefined for a valid request
 */
export function hostFault(message: IncomingMessage): TesseraError | undefined {
  const { host } = message.headers;
  if (host === undefined)
    return message.httpVersionMinor === 1 ? refused('no Host header', 'The request has no Host header.') : undefined;
  if (!HOST.test(host)) return refused('the Host header names no host', 'The Host header does not name a host.');
  // `headers` holds only the first one.
  const hosts = headerValues(message, 'host') ?? [];
  return hosts.length > 1 ? refused('several Host headers', 'The request has more than one Host header.') : undefined;
}

function refused(reason: string, detail: string): TesseraError {
  return new TesseraError('invalid_request', reason, { detail });
}

/** The characters of `uri-host [ ":" port ]` (RFC 9110, section 7.2). Empty when the target has no host. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+;=-]*)(?::\d*)?$/;

/**
 * Whether a request target's path has no percent-encoding and no fragment, like all paths of this service. The router would decode the path, but a
 * proxy's rule for `/metrics` does not match `/%6detrics`.
 */
export function isPlainPath(target: string): boolean {
  const query = target.indexOf('?');
  return !NOT_PLAIN.test(query === -1 ? target : target.slice(0, query));
}

const NOT_PLAIN = /[%#]/;
