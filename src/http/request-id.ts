import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { SourceAddresses } from './origin/source-address.ts';

/** Characters that are safe in a log line, a header and a JSON string. */
const SANE = /^[A-Za-z0-9._-]{8,64}$/;

/** Generates request ids. Only a trusted proxy's id is accepted: any other caller could repeat another request's id on purpose. */
export function requestIds(sources: SourceAddresses): (message: IncomingMessage) => string {
  return (message) => {
    const given = message.headers['x-request-id'];
    return typeof given === 'string' && SANE.test(given) && sources.isTrustedProxy(message) ? given : randomUUID();
  };
}
