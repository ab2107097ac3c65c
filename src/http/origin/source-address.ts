import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { NetworkSet, plainAddress } from '../../domain/networks.ts';
import type { RequestOrigin } from '../../domain/request-origin.ts';
import { isForwarded } from './forwarding-headers.ts';
import type { UnlistedProxyWarning } from './unlisted-proxy-warning.ts';

/** What stands for an address when nobody can say it: the peer is gone already, or a trusted proxy did not tell. No network contains it. */
const UNKNOWN = 'unknown';

/** Finds out where a request came from, as far as that can be believed. */
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
   * A proxy speaks for others. What it forwards comes from the address that `X-Forwarded-For` names, and from nowhere when that names none: taken
   * for the proxy's own address, a stranger would stand in the operators' networks and in a client's.
   */
  #behindProxy(peer: string, headers: IncomingHttpHeaders): RequestOrigin {
    const { 'x-forwarded-for': forwardedFor, forwarded } = headers;
    // `Forwarded` names somebody, in a form that is not read here.
    if (forwardedFor === undefined || forwardedFor === '')
      return { source: forwarded === undefined ? peer : UNKNOWN, network: UNKNOWN };
    // Node.js joins several of them.
    const source = this.#callerOf(peer, forwardedFor as string);
    // The last of several proxies, and it named nobody. Only a proxy that names itself says that nobody else asks.
    const isAnotherProxy = source !== peer && this.#isListed(source);
    return { source, network: isAnotherProxy ? UNKNOWN : source };
  }

  /** As long as the address at hand is a trusted proxy's, the next one from the right. What stands further left was written by someone who is not trusted. */
  #callerOf(peer: string, forwardedFor: string): string {
    const steps = forwardedFor.split(',');
    let address = peer;
    for (let index = steps.length - 1; index >= 0 && this.#isListed(address); index--) {
      const step = addressOf(steps[index] ?? '');
      // `unknown`, `unix:`, the name of an interface or of a host.
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

/** Some proxies add the port. */
function addressOf(step: string): string | undefined {
  const text = step.trim();
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
  return isIP(bare) === 0 || bare.includes('%') ? undefined : plainAddress(bare.toLowerCase());
}
