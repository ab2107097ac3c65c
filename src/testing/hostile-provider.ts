import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * An identity provider that gives any answer that a test sets. It starts with correct answers: discovery names its key set, which contains `keys`.
 */
export interface HostileProvider {
  readonly port: number;
  /** For the list of allowed hosts. */
  readonly hostPort: string;
  readonly issuer: string;
  readonly jwksUri: string;
  /** Its published keys, unless `onKeys` is replaced. */
  keys: object[];
  onDiscovery: Handler;
  onKeys: Handler;
  /** The number of connections so far. */
  connections(): number;
  /** Requested paths so far, in order. */
  readonly requests: string[];
  /** Refuses connections until `start`. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Answers correctly again, and forgets the requests so far. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

export interface HostileOptions {
  /** Speaks TLS with this certificate. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

export const DISCOVERY_PATH = '/.well-known/openid-configuration';
export const KEYS_PATH = '/keys';

export async function startHostileProvider(options: HostileOptions = {}): Promise<HostileProvider> {
  let connections = 0;
  const requests: string[] = [];
  const listener: RequestListener = (request, response) => {
    requests.push(request.url ?? '');
    if (request.url === DISCOVERY_PATH) provider.onDiscovery(request, response);
    else if (request.url === KEYS_PATH) provider.onKeys(request, response);
    else sendJson(response, {}, 404);
  };
  const listen = async (port: number): Promise<Server> => {
    const server = options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
    server.on('connection', () => {
      connections += 1;
    });
    // For a moment, the port of a stopped provider may be that of somebody's outgoing connection.
    for (;;) {
      server.listen(port, '127.0.0.1');
      try {
        await once(server, 'listening');
        return server;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
        await delay(50);
      }
    }
  };
  let server: Server | undefined = await listen(0);
  const { port } = server.address() as AddressInfo;
  const issuer = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    const stopping = server;
    server = undefined;
    if (stopping === undefined) return;
    stopping.closeAllConnections();
    stopping.close();
    await once(stopping, 'close');
  };
  const correct: Pick<HostileProvider, 'onDiscovery' | 'onKeys'> = {
    onDiscovery: (_request, response) => {
      sendJson(response, { issuer, jwks_uri: `${issuer}${KEYS_PATH}` });
    },
    onKeys: (_request, response) => {
      sendJson(response, { keys: provider.keys });
    },
  };
  const start = async (): Promise<void> => {
    server ??= await listen(port);
  };
  const provider: HostileProvider = {
    ...correct,
    port,
    hostPort: `127.0.0.1:${port}`,
    issuer,
    jwksUri: `${issuer}${KEYS_PATH}`,
    keys: [],
    connections: () => connections,
    requests,
    stop,
    start,
    reset: async () => {
      Object.assign(provider, correct);
      requests.length = 0;
      await start();
    },
    close: stop,
  };
  return provider;
}

export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  sendText(response, JSON.stringify(value), 'application/json', status);
}

export function sendText(response: ServerResponse, text: string, mediaType: string, status = 200): void {
  response.writeHead(status, { 'content-type': mediaType }).end(text);
}

/** Invalid answers, each with the expected reason. */
export const HOSTILE_ANSWERS: Readonly<Record<string, { readonly handler: Handler; readonly reason: string }>> = {
  'a redirect to another path': {
    handler: (_request, response) => response.writeHead(302, { location: '/elsewhere' }).end(),
    reason: 'a redirect',
  },
  'a redirect to the metadata service': {
    handler: (_request, response) => response.writeHead(307, { location: 'http://169.254.169.254/' }).end(),
    reason: 'a redirect',
  },
  HTML: {
    handler: (_request, response) => {
      sendText(response, '<!doctype html><title>Sign in</title>', 'text/html');
    },
    reason: 'an answer that is not JSON',
  },
  'JSON that says it is text': {
    handler: (_request, response) => {
      sendText(response, '{"keys":[]}', 'text/plain');
    },
    reason: 'an answer that is not JSON',
  },
  'HTML that says it is JSON': {
    handler: (_request, response) => {
      sendText(response, '<!doctype html>', 'application/json');
    },
    reason: 'an answer that is not strict JSON',
  },
  'duplicate names': {
    handler: (_request, response) => {
      sendText(response, '{"keys":[],"keys":[]}', 'application/json');
    },
    reason: 'an answer that is not strict JSON',
  },
  'deep JSON': {
    handler: (_request, response) => {
      sendText(response, `{"keys":${'['.repeat(5_000)}${']'.repeat(5_000)}}`, 'application/json');
    },
    reason: 'an answer that is not strict JSON',
  },
  'bytes that are not UTF-8': {
    handler: (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(Buffer.from('{"keys":["\xff"]}', 'latin1'));
    },
    reason: 'an answer that is not strict JSON',
  },
  '30 MB, announced': {
    handler: (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 30_000_000 });
      response.write(' '.repeat(1_000));
    },
    reason: 'an answer over 256 KiB',
  },
  '30 MB, not announced': {
    handler: (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      pour(response, 30_000_000);
    },
    reason: 'an answer over 256 KiB',
  },
  'a compressed answer': {
    handler: (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end('');
    },
    reason: 'an answer in another encoding',
  },
  'an error status': {
    handler: (_request, response) => {
      sendJson(response, { keys: [] }, 500);
    },
    reason: 'an error status',
  },
  'a connection that breaks off': {
    handler: (_request, response) => response.socket?.destroy(),
    reason: 'no usable answer',
  },
  'half an answer': {
    handler: (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 });
      response.write('{"keys":[]');
      setImmediate(() => response.socket?.destroy());
    },
    reason: 'no usable answer',
  },
  'no answer': { handler: () => undefined, reason: 'no answer in time' },
  'an answer that trickles': {
    handler: (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const timer = setInterval(() => response.write(' '), 20);
      response.once('close', () => {
        clearInterval(timer);
      });
    },
    reason: 'no answer in time',
  },
};

function pour(response: ServerResponse, bytes: number): void {
  const chunk = Buffer.alloc(65_536, ' ');
  let left = bytes;
  const more = (): void => {
    while (left > 0 && !response.destroyed) {
      left -= chunk.length;
      if (!response.write(chunk)) return void response.once('drain', more);
    }
    if (!response.destroyed) response.end('{"keys":[]}');
  };
  more();
}
