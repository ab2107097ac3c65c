import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accessTo, installMariaDb, type MariaDbAccess, secureRoot, SMALL_SERVER } from './mariadb-access.ts';
import { freePort, type RunningProcess, startProcess } from './process.ts';
import { findServer, requireServer } from './required-servers.ts';

/** A MariaDB on 127.0.0.1 with its own data directory. */
export interface RunningMariaDb extends MariaDbAccess {
  readonly dataDirectory: string;
  /** Stops the server; `SIGKILL` simulates a crash. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again with the same data and port. */
  restart(): Promise<void>;
  /** Stops its threads until `resume`. Resolves when all have stopped. */
  pause(): Promise<void>;
  resume(): void;
  /** Stops the server and removes its data. */
  close(): Promise<void>;
}

export function findMariaDb(): boolean {
  return findServer('mariadb') !== undefined;
}

export async function startMariaDb(
  options: { readonly dataDirectory?: string; readonly serverOptions?: readonly string[] } = {},
): Promise<RunningMariaDb> {
  const program = requireServer('mariadb');
  const folder = await mkdtemp(join(tmpdir(), 'tessera-mariadb-'));
  const isNew = options.dataDirectory === undefined;
  const dataDirectory = options.dataDirectory ?? join(folder, 'data');
  if (isNew) await installMariaDb(dataDirectory, folder);
  const port = await freePort();
  const start = () =>
    startProcess(
      program,
      [
        '--no-defaults',
        '--user=root',
        `--datadir=${dataDirectory}`,
        `--tmpdir=${folder}`,
        `--socket=${join(folder, 's')}`,
        `--port=${port}`,
        '--bind-address=127.0.0.1',
        ...SMALL_SERVER,
        ...(options.serverOptions ?? []),
      ],
      { ready: (running) => running.output().includes('ready for connections') },
    );
  let server: RunningProcess = await start();
  let isRunning = true;
  if (isNew) await secureRoot(port);
  return {
    ...accessTo(port),
    dataDirectory,
    stop: async (signal = 'SIGTERM') => {
      isRunning = false;
      await server.end(signal);
    },
    restart: async () => {
      server = await start();
      isRunning = true;
    },
    pause: () => server.pause(),
    resume: () => {
      server.resume();
    },
    close: async () => {
      server.resume();
      if (isRunning) await server.end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
