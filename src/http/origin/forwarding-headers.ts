import type { IncomingHttpHeaders } from 'node:http';

/**
 * Headers that a proxy sets and a client does not. A pattern, because products use names of their own and new ones appear. A missing name would make
 * everyone behind that product look like a caller from its address.
 */
const WRITTEN_BY_PROXIES =
  /^(?:via|cdn-loop)$|forward|-(?:ip|ipv4|ipv6|address)$|^(?:cf-|x-envoy-|x-original-|x-azure-)/;

/** Whether the headers show that a proxy forwarded the request. An empty header counts too. */
export function isForwarded(headers: IncomingHttpHeaders): boolean {
  // Node lower-cases header names.
  for (const name in headers) if (WRITTEN_BY_PROXIES.test(name)) return true;
  return false;
}
