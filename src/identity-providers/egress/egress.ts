import type { LookupFunction, Socket } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import { parseStrictJson } from '@tessera/token/core';
import type { buildConnector, Client, Dispatcher } from 'undici';
import { CONFIG, type Config } from '../../config/config.ts';
import type { Deadline } from '../../runtime/deadline.ts';
import { plainAddress } from '../../domain/networks.ts';
import { OutboundNetwork } from './outbound-network.ts';
import { hostAndPort, isPublicAddress, invalidProviderUrlReason } from './provider-url.ts';

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
 * issuer was saved may point to the metadata service now.
 */
@Injectable()
export class Egress {
  /** Exact `host:port` pairs that are allowed although they are loopback, private or plain HTTP. Development and tests only. */
  readonly #allowedHosts: readonly string[];
  readonly #network: OutboundNetwork;

  constructor(
    @Inject(CONFIG) { federationAllowedHosts }: Pick<Config, 'federationAllowedHosts'>,
    network: OutboundNetwork,
  ) {
    this.#allowedHosts = federationAllowedHosts;
    this.#network = network;
  }

  /** Whether a URL from a fetched document is allowed, by its text alone. Its host is checked when connecting. */
  mayFetch(url: string): boolean {
    return invalidProviderUrlReason(url, { query: 'allowed' }, this.#allowedHosts) === undefined;
  }

  /**
   * Never rejects, and settles at the deadline, whatever the host or the resolver does.
   *
   * @param deadline for everything that the caller fetches
   */
  async fetchJson(url: string, deadline: Deadline): Promise<ProviderAnswer> {
    if (!this.mayFetch(url)) return failed('its URL may not be fetched');
    if (deadline.isOver()) return failed('no answer in time');
    const { origin, pathname, search } = new URL(url);
    // Loaded at the first fetch: most installations have no trusted issuer.
    const undici = await import('undici');
    const connect = this.#connector(undici.buildConnector, new URL(url));
    const client = new undici.Client(origin, { connect, pipelining: 1 });
    try {
      return await deadline.wait(exchange(client, `${pathname}${search}`), () => failed('no answer in time'), {
        ref: false,
      });
    } finally {
      // Closes the connection, even one that is still connecting or sends endlessly. Nothing waits for this.
      client.destroy().catch(() => undefined);
    }
  }

  #connector(build: typeof buildConnector, url: URL): buildConnector.connector {
    const isAllowed = this.#allowedHosts.includes(hostAndPort(url));
    const { certificateAuthorities } = this.#network;
    const connect = build({
      timeout: CONNECT_TIMEOUT_MS,
      lookup: lookupOf(this.#network, isAllowed ? () => true : isPublicAddress),
      ...(certificateAuthorities === undefined ? {} : { ca: certificateAuthorities }),
    });
    return (options, callback) => {
      connect(options, (...[error, socket]) => {
        if (error !== null) callback(error, null);
        else if (isAllowed || isConnectedToPublic(socket)) callback(null, socket);
        else {
          // An address in the URL itself skips the lookup, so the peer is checked here, before any byte of the request is sent.
          socket.destroy();
          callback(new BlockedAddressError(), null);
        }
      });
    };
  }
}

class BlockedAddressError extends Error {
  constructor() {
    super('the host has an address that may not be reached');
    this.name = 'BlockedAddressError';
  }
}

/** One blocked address refuses the whole name, because which of several addresses is used is random. */
function lookupOf(network: OutboundNetwork, mayReach: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    network.resolve(hostname).then(
      (addresses) => {
        const [first] = addresses;
        if (first === undefined || !addresses.every(({ address }) => mayReach(address)))
          callback(new BlockedAddressError(), '', 0);
        else if (options.all === true) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => {
        callback(error instanceof Error ? error : new Error('the name does not resolve'), '', 0);
      },
    );
  };
}

function isConnectedToPublic(socket: Socket): boolean {
  return isPublicAddress(plainAddress(socket.remoteAddress ?? ''));
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
    // Errors of the platform contain the URL and the peer's address.
    return failed(error instanceof BlockedAddressError ? error.message : 'no usable answer');
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
