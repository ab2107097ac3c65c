import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { WsAdapter } from '@nestjs/platform-ws';
import { WebSocket } from 'undici';
import { type ApplicationParts, createFastifyApplication, listen } from './application.ts';

export interface GatewayApplication {
  readonly app: NestFastifyApplication;
  readonly port: number;
  readonly connect: (path: string, headers?: Record<string, string>) => Promise<GatewayConnection>;
  readonly close: () => Promise<void>;
}

export interface GatewayConnection {
  /** Sends a message and returns the next one that comes. */
  readonly ask: (event: string, data?: unknown) => Promise<GatewayMessage>;
  readonly close: () => void;
}

export interface GatewayMessage {
  readonly event: string;
  readonly data?: unknown;
}

/** An application with WebSocket gateways on the package ws, on the port of its HTTP server. The gateways are among the providers. */
export async function startGateway(parts: ApplicationParts): Promise<GatewayApplication> {
  const app = await createFastifyApplication(parts);
  app.useWebSocketAdapter(new WsAdapter(app));
  const port = await listen(app);
  return {
    app,
    port,
    connect: (path, headers = {}) => connectGateway(`ws://127.0.0.1:${port}${path}`, headers),
    close: () => app.close(),
  };
}

export async function connectGateway(url: string, headers: Record<string, string>): Promise<GatewayConnection> {
  const socket = new WebSocket(url, { headers });
  const unread: GatewayMessage[] = [];
  const waiting: { resolve: (message: GatewayMessage) => void; reject: (error: Error) => void }[] = [];
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as GatewayMessage;
    const next = waiting.shift();
    if (next === undefined) unread.push(message);
    else next.resolve(message);
  });
  socket.addEventListener('close', () => {
    for (const { reject } of waiting) reject(new Error('the connection was closed before the answer'));
  });
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => {
      resolve();
    });
    socket.addEventListener('error', () => {
      reject(new Error('the connection was refused'));
    });
  });
  return {
    ask: (event, data) => {
      socket.send(JSON.stringify({ event, data }));
      const message = unread.shift();
      return message === undefined
        ? new Promise((resolve, reject) => waiting.push({ resolve, reject }))
        : Promise.resolve(message);
    },
    close: () => {
      socket.close();
    },
  };
}
