import { Socket } from 'node:net';
import type { Client } from 'undici';
import type { ForwardProxyConfig } from '../../config/config.ts';
import { Secret } from '../../config/secret.ts';
import { describeFetchFailure, FetchFailure } from './fetch-failure.ts';

const PROXY = 'the proxy of HTTPS_PROXY';

/**
 * Asks the forward proxy for a connection to a host (RFC 9110, section 9.3.6). The proxy resolves the name, so which addresses may be reached is its
 * decision. TLS to the host is made inside the connection: the proxy sees neither request nor answer.
 *
 * @param client for the proxy; the caller closes it
 * @param hostPort with an explicit port
 * @throws FetchFailure
 */
export async function openTunnel(
  client: Client,
  { authorization }: Pick<ForwardProxyConfig, 'authorization'>,
  hostPort: string,
): Promise<Socket> {
  const { statusCode, socket } = await client
    .connect({
      path: hostPort,
      headers: {
        host: hostPort,
        ...(authorization === undefined ? {} : { 'proxy-authorization': Secret.reveal(authorization) }),
      },
    })
    .catch((error: unknown) => {
      throw new FetchFailure(`${PROXY}: ${describeFetchFailure(error)}`);
    });
  // undici's type is wider. TLS needs a socket.
  if (statusCode >= 200 && statusCode < 300 && socket instanceof Socket) return socket;
  socket.on('error', () => undefined).destroy();
  throw new FetchFailure(refusalOf(statusCode));
}

function refusalOf(statusCode: number): string {
  // RFC 9110, section 15.5.8.
  if (statusCode === 407) return `${PROXY} refuses its user and password, or needs them`;
  // RFC 9110, sections 15.6.3 and 15.6.5: it has tried.
  if (statusCode === 502 || statusCode === 504) return `${PROXY} does not reach the host`;
  return `${PROXY} refuses a connection to the host`;
}

/**
 * Whether `NO_PROXY` has the host, or a domain that it is in. As other programs read it: an entry may begin with a dot or `*.`, and may have a port;
 * `*` is every host.
 */
export function isException(url: URL, exceptions: readonly string[]): boolean {
  const name = withoutBrackets(url.hostname);
  const port = url.port === '' ? '443' : url.port;
  return exceptions.some((entry) => {
    if (entry === '*') return true;
    // A colon in an address without brackets is part of the address.
    const [, host = entry, onlyPort] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
    if (onlyPort !== undefined && onlyPort !== port) return false;
    const domain = withoutBrackets(host.toLowerCase().replace(/^\*?\./, ''));
    return domain !== '' && (name === domain || name.endsWith(`.${domain}`));
  });
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}
