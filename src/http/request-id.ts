import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { SourceAddresses } from './origin/source-address.ts';

/** No character that could break a line, a header or a JSON string. */
const SANE = /^[A-Za-z0-9._-]{8,64}$/;

/** One of our own, unless a trusted proxy already gave the request one: a stranger's could collide with another request's on purpose. */
export function requestIds(sources: SourceAddresses): (message: IncomingMessage) => string {
  return (message) => {
    const given = message.headers['x-request-id'];
    return typeof given === 'string' && SANE.test(given) && sources.isTrustedProxy(message) ? given : randomUUID();
  };
}
