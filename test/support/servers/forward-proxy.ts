import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';

/**
 * - `forward`: connects to the host
 * - a status: answers a request with it
 * - `silent`: takes a request and never answers
 * - `break`: closes the connection after its answer
 */
export type ForwardMode = 'forward' | 'silent' | 'break' | number;

/** A forward proxy, as companies have it: it connects to hosts for its users (CONNECT; RFC 9110, section 9.3.6), and resolves their names itself. */
export interface ForwardProxy {
  readonly port: number;
  /** `host:port` of each request so far, in order. */
  readonly requests: string[];
  /** The `Proxy-Authorization` of each request. */
  readonly authorizations: (string | undefined)[];
  /** Bytes that went through in the clear or encrypted, as the proxy sees them. */
  seen(): Buffer;
  setMode(mode: ForwardMode): void;
  close(): Promise<void>;
}

export interface ForwardProxyOptions {
  /** The names that it resolves: to 127.0.0.1, at the port of the request. Any other is a 502. */
  readonly names: readonly string[];
  /** Users that it asks for: `user:password`. */
  readonly user?: string;
  readonly tls?: { readonly key: string; readonly cert: string };
}

export async function startForwardProxy({ names, user, tls }: ForwardProxyOptions): Promise<ForwardProxy> {
  const requests: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const seen: Buffer[] = [];
  const sockets = new Set<Socket>();
  let mode: ForwardMode = 'forward';
  const wanted = user === undefined ? undefined : `Basic ${Buffer.from(user).toString('base64')}`;

  const forward = (request: IncomingMessage, client: Socket, head: Buffer): void => {
    client.on('error', () => undefined);
    const target = request.url ?? '';
    requests.push(target);
    authorizations.push(request.headers['proxy-authorization']);
    const [, host, port] = /^(.*):(\d+)$/.exec(target) ?? [];
    if (mode === 'silent') return;
    if (typeof mode === 'number') {
      answer(client, mode);
      return;
    }
    if (wanted !== undefined && request.headers['proxy-authorization'] !== wanted) {
      answer(client, 407);
      return;
    }
    if (host === undefined || !names.includes(host)) {
      answer(client, 502);
      return;
    }
    const upstream = connect(Number(port), '127.0.0.1');
    sockets.add(upstream);
    upstream.once('connect', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      if (mode === 'break') return void client.end();
      upstream.write(head);
      for (const side of [client, upstream]) side.on('data', (chunk: Buffer) => seen.push(chunk));
      client.pipe(upstream).pipe(client);
    });
    upstream.on('error', () => {
      answer(client, 502);
    });
    client.on('close', () => upstream.destroy());
  };

  const server: Server = tls === undefined ? createServer() : createTlsServer(tls);
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  server.on('connect', forward as (request: IncomingMessage, client: unknown, head: Buffer) => void);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    authorizations,
    seen: () => Buffer.concat(seen),
    setMode: (next) => {
      mode = next;
    },
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

function answer(client: Socket, status: number): void {
  client.end(`HTTP/1.1 ${status} Status\r\ncontent-length: 0\r\n\r\n`);
}
