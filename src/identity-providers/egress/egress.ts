import type { Socket } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import { parseStrictJson } from '@tessera/token/core';
import type { buildConnector, Client, Dispatcher } from 'undici';
import { CONFIG, type Config, type ForwardProxyConfig } from '../../config/config.ts';
import type { Deadline } from '../../runtime/deadline.ts';
import { describeFetchFailure, FetchFailure } from './fetch-failure.ts';
import { type AddressRule, addressRuleOf, isConnectedWithin, lookupOf } from './outbound-addresses.ts';
import { OutboundNetwork } from './outbound-network.ts';
import { hostAndPort, invalidProviderUrlReason, type ListedHosts } from './provider-url.ts';
import { isException, openTunnel } from './proxy-tunnel.ts';

type EgressConfig = Pick<Config, 'federationAllowedHosts' | 'federationPrivateHosts' | 'federationProxy'>;

export type ProviderAnswer =
  | { readonly kind: 'json'; readonly value: unknown }
  /** The reason of the failure as a fixed phrase, without the URL or anything that the host sent. */
  | { readonly kind: 'failed'; readonly reason: string };

// Enough for a hundred RSA-4096 keys with their certificates.
export const MAX_ANSWER_BYTES = 256 * 1_024;
// Key sets and metadata have four levels; x5c and extensions a little more.
const MAX_ANSWER_DEPTH = 16;
// RFC 8259, section 11; RFC 7517, section 8.5.1. Refuses the HTML of a proxy's error page.
const JSON_MEDIA_TYPE = /^application\/(?:[a-z0-9.-]+\+)?json *(?:;|$)/i;
// Limits connections whose caller has given up.
const CONNECT_TIMEOUT_MS = 2_000;
const UTF8 = { fatal: true, ignoreBOM: true } as const;

/**
 * The only place that connects to identity providers. It fetches a JSON document by GET over https, follows no redirect, and limits size and time.
 *
 * Every fetch opens a new connection, so that the addresses of a name are checked each time: a name that pointed to a public address when the trusted
 * issuer was saved may point to the metadata service now. Through a forward proxy the proxy resolves the name, and this check is its business.
 */
@Injectable()
export class Egress {
  readonly #listedHosts: ListedHosts;
  readonly #proxy: ForwardProxyConfig | undefined;
  readonly #network: OutboundNetwork;

  constructor(
    @Inject(CONFIG) { federationAllowedHosts, federationPrivateHosts, federationProxy }: EgressConfig,
    network: OutboundNetwork,
  ) {
    this.#listedHosts = { federationAllowedHosts, federationPrivateHosts };
    this.#proxy = federationProxy;
    this.#network = network;
  }

  /** Whether a URL from a fetched document is allowed, by its text alone. Its host is checked when connecting. */
  mayFetch(url: string): boolean {
    return invalidProviderUrlReason(url, { query: 'allowed' }, this.#listedHosts) === undefined;
  }

  /**
   * Never rejects, and settles at the deadline, whatever the host or the resolver does.
   *
   * @param deadline for everything that the caller fetches
   */
  async fetchJson(url: string, deadline: Deadline): Promise<ProviderAnswer> {
    if (!this.mayFetch(url)) return failed('its URL may not be fetched');
    if (deadline.isOver()) return failed('no answer in time');
    const target = new URL(url);
    const clients = this.#clientsFor(target, await loadHttpClient());
    try {
      return await deadline.wait(
        exchange(clients.provider, `${target.pathname}${target.search}`),
        () => failed('no answer in time'),
        { ref: false },
      );
    } finally {
      // Closes the connections, even one that is still connecting or sends endlessly. Nothing waits for this.
      for (const client of Object.values(clients)) client.destroy().catch(() => undefined);
    }
  }

  #clientsFor(target: URL, undici: Undici): { readonly provider: Client; readonly proxy?: Client } {
    const { certificateAuthorities } = this.#network;
    const options = {
      timeout: CONNECT_TIMEOUT_MS,
      ...(certificateAuthorities === undefined ? {} : { ca: certificateAuthorities }),
    };
    const proxy = this.#proxy;
    if (proxy === undefined || target.protocol !== 'https:' || isException(target, proxy.exceptions)) {
      const rule = addressRuleOf(target, this.#listedHosts);
      const connect = undici.buildConnector({ ...options, lookup: lookupOf(this.#network, rule) });
      return { provider: new undici.Client(target.origin, { connect: checkingPeer(connect, rule), pipelining: 1 }) };
    }
    // The proxy closes a connection whose answer is late: its client is destroyed with the other one.
    const client = new undici.Client(proxy.origin, {
      connect: withOwnName(undici.buildConnector(options)),
      headersTimeout: CONNECT_TIMEOUT_MS,
    });
    const connect = throughTunnel(undici.buildConnector(options), () => openTunnel(client, proxy, hostAndPort(target)));
    return { provider: new undici.Client(target.origin, { connect, pipelining: 1 }), proxy: client };
  }
}

type Undici = typeof import('./http-client.ts');

/** At the first fetch: most installations have no trusted issuer. Outside the class, as `openOnServer` in tenant-database.ts is. */
function loadHttpClient(): Promise<Undici> {
  return import('./http-client.ts');
}

/** An address in the URL itself skips the lookup, so the peer is checked here, before any byte of the request is sent. */
function checkingPeer(connect: buildConnector.connector, rule: AddressRule): buildConnector.connector {
  return (options, callback) => {
    connect(options, (...[error, socket]) => {
      if (error !== null) callback(error, null);
      else if (isConnectedWithin(socket, rule)) callback(null, socket);
      else {
        socket.destroy();
        callback(new FetchFailure(rule.refusal), null);
      }
    });
  };
}

/** undici takes the name for TLS from the header `Host`, which names the host behind the proxy. Without it, it is the name of the proxy itself. */
function withOwnName(connect: buildConnector.connector): buildConnector.connector {
  return (options, callback) => {
    connect({ ...options, servername: '' }, callback);
  };
}

function throughTunnel(connect: buildConnector.connector, open: () => Promise<Socket>): buildConnector.connector {
  return (options, callback) => {
    open().then(
      (tunnel) => {
        // undici's name for a connection that TLS is made in.
        connect({ ...options, httpSocket: tunnel }, callback);
      },
      (error: unknown) => {
        callback(error instanceof Error ? error : new FetchFailure('no usable answer'), null);
      },
    );
  };
}

async function exchange(client: Client, path: string): Promise<ProviderAnswer> {
  try {
    const response = await client.request({
      method: 'GET',
      path,
      headers: { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'tessera' },
    });
    return await read(response);
  } catch (error) {
    return failed(describeFetchFailure(error));
  }
}

async function read({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<ProviderAnswer> {
  // Destroying the client aborts the body.
  body.on('error', () => undefined);
  if (statusCode >= 300 && statusCode < 400) return failed('a redirect');
  if (statusCode !== 200) return failed('an error status');
  const { 'content-type': mediaType, 'content-encoding': encoding, 'content-length': length } = headers;
  if (typeof mediaType !== 'string' || !JSON_MEDIA_TYPE.test(mediaType)) return failed('an answer that is not JSON');
  // A small compressed answer may expand to a large one.
  if (encoding !== undefined && encoding !== 'identity') return failed('an answer in another encoding');
  if (typeof length === 'string' && Number(length) > MAX_ANSWER_BYTES) return failed('an answer over 256 KiB');
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES) return failed('an answer over 256 KiB');
    chunks.push(chunk);
  }
  return parse(Buffer.concat(chunks));
}

function parse(bytes: Buffer): ProviderAnswer {
  try {
    const text = new TextDecoder('utf-8', UTF8).decode(bytes);
    return { kind: 'json', value: parseStrictJson(text, { maxDepth: MAX_ANSWER_DEPTH }) };
  } catch {
    return failed('an answer that is not strict JSON');
  }
}

function failed(reason: string): ProviderAnswer {
  return { kind: 'failed', reason };
}
