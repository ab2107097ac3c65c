import { Redis } from 'ioredis';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findServer, requireServer } from './required-servers.ts';
import { freePort, startProcess } from './process.ts';

/** A Redis without data on disk. */
export interface RunningRedis {
  readonly port: number;
  /** For `REDIS_URL`, with the password if there is one. */
  readonly url: string;
  /** Runs a command as an operator, on a separate connection. */
  call(command: string, ...args: readonly string[]): Promise<unknown>;
  /** Stops the server; its port stays free for `restart`. `SIGKILL` simulates a crash. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts a new, empty server on the same port. */
  restart(): Promise<void>;
  /** Stops the server and removes its folder. */
  close(): Promise<void>;
}

export function findRedis(): string | undefined {
  return findServer('redis');
}

export async function startRedis(options: { readonly password?: string } = {}): Promise<RunningRedis> {
  const program = requireServer('redis');
  const folder = await mkdtemp(join(tmpdir(), 'tessera-redis-'));
  const port = await freePort();
  const start = () =>
    startProcess(
      program,
      [
        ...['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder],
        ...(options.password === undefined ? [] : ['--requirepass', options.password]),
      ],
      { cwd: folder, ready: () => answersPing(port) },
    );
  let server = await start();
  return {
    port,
    url:
      options.password === undefined ? `redis://127.0.0.1:${port}` : `redis://:${options.password}@127.0.0.1:${port}`,
    call: async (command, ...args) => {
      const operator = new Redis({ port, host: '127.0.0.1', ...(options.password === undefined ? {} : options) });
      try {
        return await operator.call(command, ...args);
      } finally {
        operator.disconnect();
      }
    },
    stop: async (signal = 'SIGTERM') => {
      await server.end(signal);
    },
    restart: async () => {
      server = await start();
    },
    close: async () => {
      await server.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Uses Redis's inline protocol, so that readiness does not depend on the client library under test. */
function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (answer) => {
      // A Redis with a password is ready too; it answers -NOAUTH.
      resolve(/^(?:\+PONG|-NOAUTH)/.test(answer.toString()));
      socket.destroy();
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
