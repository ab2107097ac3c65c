import type { IncomingHttpHeaders } from 'node:http';

/**
 * Names that a proxy writes and a client does not. A pattern, because every product has names of its own and new ones come: a name that is
 * missing here would make everybody behind that product a caller from its address.
 */
const WRITTEN_BY_PROXIES =
  /^(?:via|cdn-loop)$|forward|-(?:ip|ipv4|ipv6|address)$|^(?:cf-|x-envoy-|x-original-|x-azure-)/;

/** Whether a proxy passed the request on, as far as its headers show it. An empty header shows it too. */
export function isForwarded(headers: IncomingHttpHeaders): boolean {
  // Node.js has the names in lower case.
  for (const name in headers) if (WRITTEN_BY_PROXIES.test(name)) return true;
  return false;
}
