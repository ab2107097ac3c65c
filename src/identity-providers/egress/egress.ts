import type { LookupAddress } from 'node:dns';
import { lookup as systemLookup } from 'node:dns/promises';
import type { LookupFunction, Socket } from 'node:net';
import { parseStrictJson } from '@tessera/token/core';
import type { buildConnector, Client, Dispatcher } from 'undici';
import type { Deadline } from '../../runtime/deadline.ts';
import { plainAddress } from '../../domain/networks.ts';
import { hostAndPort, isPublicAddress, refusalOfForeignUrl } from './foreign-url.ts';

export type ForeignAnswer =
  | { readonly kind: 'json'; readonly value: unknown }
  /** Why there is nothing, in a fixed phrase: neither the URL nor anything that the other side sent is in it. */
  | { readonly kind: 'failed'; readonly reason: string };

export interface EgressOptions {
  /** Exact `host:port` pairs that may be reached although they are loopback, private or plain HTTP. Development and tests only. */
  readonly allowedHosts: readonly string[];
  /** All addresses of a name. */
  readonly resolve: (hostname: string) => Promise<readonly LookupAddress[]>;
  /** PEM; undefined: those that Node.js trusts, `NODE_EXTRA_CA_CERTS` included. */
  readonly certificateAuthorities: string | undefined;
}

// A hundred RSA-4096 keys with their certificates fit.
export const MAX_ANSWER_BYTES = 256 * 1_024;
// Key sets and metadata are four deep; x5c and claims of others' extensions a little more.
const MAX_ANSWER_DEPTH = 16;
// RFC 8259, section 11; RFC 7517, section 8.5.1. HTML of a proxy's error page ends here.
const JSON_MEDIA_TYPE = /^application\/(?:[a-z0-9.-]+\+)?json *(?:;|$)/i;
// A connection that nobody waits for any more must not linger.
const CONNECT_TIMEOUT_MS = 2_000;
const UTF8 = { fatal: true, ignoreBOM: true } as const;

/** As the operating system resolves, all families. */
export function resolveBySystem(hostname: string): Promise<readonly LookupAddress[]> {
  return systemLookup(hostname, { all: true });
}

/**
 * The door to foreign hosts; the only place that connects to one. A GET of a JSON document over https, no redirect followed, bounded in size and
 * time.
 *
 * Every fetch has a connection of its own, so that the addresses of a name are judged each time: a name that pointed to a public address when
 * the trust was saved may point to the metadata service now.
 */
export class Egress {
  readonly #options: EgressOptions;

  constructor(options: EgressOptions) {
    this.#options = options;
  }

  /** Whether a URL that a foreign document names may be fetched, as far as its text tells. */
  mayFetch(url: string): boolean {
    return refusalOfForeignUrl(url, { query: 'allowed' }, this.#options.allowedHosts) === undefined;
  }

  /**
   * Never rejects, and settles when the deadline passes, whatever the other side or the resolver does.
   *
   * @param deadline for everything that the caller fetches
   */
  async fetchJson(url: string, deadline: Deadline): Promise<ForeignAnswer> {
    if (!this.mayFetch(url)) return failed('its URL may not be fetched');
    if (deadline.isOver()) return failed('no answer in time');
    const { origin, pathname, search } = new URL(url);
    // Loaded with the first fetch: most installations trust no foreign issuer.
    const undici = await import('undici');
    const connect = this.#connector(undici.buildConnector, new URL(url));
    const client = new undici.Client(origin, { connect, pipelining: 1 });
    try {
      return await deadline.wait(exchange(client, `${pathname}${search}`), () => failed('no answer in time'), {
        ref: false,
      });
    } finally {
      // Ends the connection, also one that is still being made or sends for ever. Nothing waits for it.
      client.destroy().catch(() => undefined);
    }
  }

  #connector(build: typeof buildConnector, url: URL): buildConnector.connector {
    const isAllowed = this.#options.allowedHosts.includes(hostAndPort(url));
    const { resolve, certificateAuthorities } = this.#options;
    const connect = build({
      timeout: CONNECT_TIMEOUT_MS,
      lookup: lookupOf(resolve, isAllowed ? () => true : isPublicAddress),
      ...(certificateAuthorities === undefined ? {} : { ca: certificateAuthorities }),
    });
    return (options, callback) => {
      connect(options, (...[error, socket]) => {
        if (error !== null) callback(error, null);
        else if (isAllowed || isConnectedToPublic(socket)) callback(null, socket);
        else {
          // Addresses in the URL itself pass no look-up. Not a byte of the request has left yet.
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

/** One address that may not be reached refuses the whole name: which of several is used is left to chance. */
function lookupOf(resolve: EgressOptions['resolve'], mayReach: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname).then(
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

async function exchange(client: Client, path: string): Promise<ForeignAnswer> {
  try {
    const response = await client.request({
      method: 'GET',
      path,
      headers: { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'tessera' },
    });
    return await read(response);
  } catch (error) {
    // The platform's errors carry the URL and the peer's address.
    return failed(error instanceof BlockedAddressError ? error.message : 'no usable answer');
  }
}

async function read({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<ForeignAnswer> {
  // Destroying the client ends the body.
  body.on('error', () => undefined);
  if (statusCode >= 300 && statusCode < 400) return failed('a redirect');
  if (statusCode !== 200) return failed('an error status');
  const { 'content-type': mediaType, 'content-encoding': encoding, 'content-length': length } = headers;
  if (typeof mediaType !== 'string' || !JSON_MEDIA_TYPE.test(mediaType)) return failed('an answer that is not JSON');
  // A small compressed answer may be a large one.
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

function parse(bytes: Buffer): ForeignAnswer {
  try {
    const text = new TextDecoder('utf-8', UTF8).decode(bytes);
    return { kind: 'json', value: parseStrictJson(text, { maxDepth: MAX_ANSWER_DEPTH }) };
  } catch {
    return failed('an answer that is not strict JSON');
  }
}

function failed(reason: string): ForeignAnswer {
  return { kind: 'failed', reason };
}
