import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { NetworkSet, plainAddress } from '../../domain/networks.ts';
import type { RequestOrigin } from '../../domain/request-origin.ts';
import { isForwarded } from './forwarding-headers.ts';
import type { UnlistedProxyWarning } from './unlisted-proxy-warning.ts';

/** Replaces an unknown address: the peer has disconnected, or a trusted proxy named no caller. No network contains it. */
const UNKNOWN = 'unknown';

/** Determines the source of a request, using forwarding headers only from trusted proxies. */
export class SourceAddresses {
  readonly #trustedProxies: NetworkSet;
  readonly #warning: UnlistedProxyWarning;

  constructor(trustedProxies: readonly string[], warning: UnlistedProxyWarning) {
    this.#trustedProxies = new NetworkSet(trustedProxies);
    this.#warning = warning;
  }

  isTrustedProxy(message: IncomingMessage): boolean {
    return this.#isListed(peerOf(message));
  }

  originOf(message: IncomingMessage): RequestOrigin {
    const peer = peerOf(message);
    if (this.#isListed(peer)) return this.#behindProxy(peer, message.headers);
    if (!isForwarded(message.headers)) return { source: peer, network: peer };
    this.#warning.give(peer);
    return { source: peer, network: UNKNOWN };
  }

  /**
   * The origin of a request that a trusted proxy sent. It is the address in `X-Forwarded-For`, or unknown without one. The proxy's own address must
   * not stand in for it: it may lie in the operators' networks or in a client's.
   */
  #behindProxy(peer: string, headers: IncomingHttpHeaders): RequestOrigin {
    const { 'x-forwarded-for': forwardedFor, forwarded } = headers;
    // Another forwarding header, such as `Forwarded`, is not read here.
    if (forwardedFor === undefined || forwardedFor === '')
      return { source: forwarded === undefined ? peer : UNKNOWN, network: UNKNOWN };
    // Node joins several of these headers.
    const source = this.#callerOf(peer, forwardedFor as string);
    // All listed addresses are proxies, so the caller is unknown. Exception: a proxy that names its own address is the caller.
    const isAnotherProxy = source !== peer && this.#isListed(source);
    return { source, network: isAnotherProxy ? UNKNOWN : source };
  }

  /** Walks the list from the right while the address is a trusted proxy's. Entries further left were written by someone who is not trusted. */
  #callerOf(peer: string, forwardedFor: string): string {
    const steps = forwardedFor.split(',');
    let address = peer;
    for (let index = steps.length - 1; index >= 0 && this.#isListed(address); index--) {
      const step = addressOf(steps[index] ?? '');
      // Not an address: `unknown`, `unix:`, an obfuscated identifier or a host name.
      if (step === undefined) return UNKNOWN;
      address = step;
    }
    return address;
  }

  #isListed(address: string): boolean {
    return this.#trustedProxies.contains(address);
  }
}

function peerOf(message: IncomingMessage): string {
  const address = message.socket.remoteAddress;
  return address === undefined ? UNKNOWN : plainAddress(address);
}

/** Strips the port that some proxies add. */
function addressOf(step: string): string | undefined {
  const text = step.trim();
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
  return isIP(bare) === 0 || bare.includes('%') ? undefined : plainAddress(bare.toLowerCase());
}
