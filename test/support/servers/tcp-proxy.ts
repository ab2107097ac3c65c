import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * - `pass`: everything goes through
 * - `black-hole`: connections are taken and nothing is ever answered, as by a dead host behind a firewall
 * - `lose-answers`: requests reach the server, and the connection breaks before the first byte of an answer arrives
 * - `lose-next-answer`: the same, once; then everything goes through
 * - `delayMs`: every chunk is late by so much, in both directions
 */
export type ProxyMode = 'pass' | 'black-hole' | 'lose-answers' | 'lose-next-answer' | { readonly delayMs: number };

/** A network between the service and a real server (Vault, database, Redis). It fails on request. */
export interface TcpProxy {
  readonly port: number;
  /** Applies to open connections too. Data swallowed by a black hole is lost, and that connection stays dead. */
  setMode(mode: ProxyMode): void;
  /** The target of new connections. Open ones keep their target, as with a real proxy. */
  switchTo(targetPort: number): void;
  /** Breaks all open connections at once. */
  cut(): void;
  /** Connections that are open now. */
  openConnections(): number;
  /** The largest number of open connections at one time. */
  mostConnections(): number;
  close(): Promise<void>;
}

export async function startTcpProxy(firstTargetPort: number): Promise<TcpProxy> {
  let targetPort = firstTargetPort;
  let mode: ProxyMode = 'pass';
  let most = 0;
  const clients = new Set<Socket>();

  const server = createServer({ allowHalfOpen: false }, (client) => {
    const upstream = connect(targetPort, '127.0.0.1');
    clients.add(client);
    most = Math.max(most, clients.size);
    let dead = false;
    const forward = (to: Socket, answer: boolean) => (chunk: Buffer) => {
      dead ||= mode === 'black-hole';
      if (dead) return;
      if (answer && (mode === 'lose-answers' || mode === 'lose-next-answer')) {
        if (mode === 'lose-next-answer') mode = 'pass';
        client.resetAndDestroy();
      } else if (typeof mode === 'object') setTimeout(() => to.writable && to.write(chunk), mode.delayMs);
      else to.write(chunk);
    };
    client.on('data', forward(upstream, false));
    upstream.on('data', forward(client, true));
    client.on('error', () => undefined);
    upstream.on('error', () => client.resetAndDestroy());
    client.on('close', () => {
      clients.delete(client);
      upstream.destroy();
    });
    upstream.on('close', () => {
      if (!dead) client.destroy();
    });
  });
  const port = await listen(server);
  const cut = () => {
    for (const client of clients) client.resetAndDestroy();
  };
  return {
    port,
    setMode: (next) => {
      mode = next;
    },
    switchTo: (next) => {
      targetPort = next;
    },
    cut,
    openConnections: () => clients.size,
    mostConnections: () => most,
    close: async () => {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
