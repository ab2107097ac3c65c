import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { NetworkSet, plainAddress } from '../vocabulary/networks.ts';
import type { RequestOrigin } from '../vocabulary/request-origin.ts';

/** What stands for the source when nobody can say it: the peer is gone already, or a trusted proxy did not tell. No network contains it. */
const UNKNOWN = 'unknown';

/** What proxies add to a request that they pass on; each is configured to add some of these. */
const FORWARDING_HEADERS = [
  'x-forwarded-for',
  'forwarded',
  'x-real-ip',
  'via',
  'x-forwarded-proto',
  'x-forwarded-host',
];

/** Finds out where a request came from, as far as that can be believed. */
export class SourceAddresses {
  readonly #trustedProxies: NetworkSet;

  constructor(trustedProxies: readonly string[]) {
    this.#trustedProxies = new NetworkSet(trustedProxies);
  }

  isTrustedProxy(message: IncomingMessage): boolean {
    return !this.#trustedProxies.isEmpty && this.#trustedProxies.contains(peerOf(message));
  }

  originOf(message: IncomingMessage): RequestOrigin {
    const source = this.#sourceOf(message);
    const isForwarded = FORWARDING_HEADERS.some((name) => message.headers[name] !== undefined);
    return { source, network: isForwarded && !this.isTrustedProxy(message) ? UNKNOWN : source };
  }

  /**
   * The peer's address; or, as long as the address at hand is a trusted proxy's, the next one of `X-Forwarded-For` from the right. What stands
   * further left was written by someone who is not trusted.
   *
   * A proxy that forwards for somebody and names no address (`unknown`, `unix:`, an interface's name, or `Forwarded` in place of the header
   * read here) leaves the source unknown: taken for its own address, a stranger would stand in the operators' networks and in a client's.
   */
  #sourceOf(message: IncomingMessage): string {
    let address = peerOf(message);
    if (this.#trustedProxies.isEmpty || !this.#trustedProxies.contains(address)) return address;
    const { 'x-forwarded-for': given, forwarded } = message.headers;
    if (given === undefined || given === '') return forwarded === undefined ? address : UNKNOWN;
    const hops = (typeof given === 'string' ? given : given.join(',')).split(',');
    for (let index = hops.length - 1; index >= 0 && this.#trustedProxies.contains(address); index--) {
      const hop = addressOf(hops[index] ?? '');
      if (hop === undefined) return UNKNOWN;
      address = hop;
    }
    return address;
  }
}

function peerOf(message: IncomingMessage): string {
  const address = message.socket.remoteAddress;
  return address === undefined ? UNKNOWN : plainAddress(address);
}

/** Some proxies add the port. */
function addressOf(hop: string): string | undefined {
  const text = hop.trim();
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
  return isIP(bare) === 0 || bare.includes('%') ? undefined : plainAddress(bare.toLowerCase());
}
