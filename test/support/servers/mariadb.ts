import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { freePort, type RunningProcess, startProcess } from './process.ts';
import { findServer, requireServer } from './required-servers.ts';

/** A MariaDB on 127.0.0.1 with its own data directory. `root` has the password `root-password`. */
export interface RunningMariaDb {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly rootPassword: string;
  readonly dataDirectory: string;
  /** For `DATABASE_URL`: the given database as root. */
  url(database: string): string;
  /** Runs statements as root. */
  sql(...statements: readonly string[]): Promise<RowDataPacket[]>;
  /** Creates an empty database and a user with all rights in it only. */
  createTenantDatabase(name: string, user?: string, password?: string): Promise<void>;
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

const ROOT_PASSWORD = 'root-password';

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
  if (isNew)
    await promisify(execFile)('mariadb-install-db', [
      '--no-defaults',
      '--user=root',
      `--datadir=${dataDirectory}`,
      // A starting MariaDB removes the temporary tables in its folder, also those of another server that starts at the same time.
      `--tmpdir=${folder}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
    ]);
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
        // Small and fast: several of these run at the same time in tests.
        '--innodb-buffer-pool-size=32M',
        '--innodb-log-file-size=8M',
        '--performance-schema=OFF',
        // With these options a kill of the server loses nothing, only a power cut would. Syncing takes most of a test's time.
        '--innodb-flush-log-at-trx-commit=2',
        '--innodb-flush-method=nosync',
        '--innodb-file-per-table=0',
        '--sync-frm=0',
        '--skip-name-resolve',
        ...(options.serverOptions ?? []),
      ],
      { ready: (running) => running.output().includes('ready for connections') },
    );
  let server: RunningProcess = await start();
  let isRunning = true;
  const sqlAs = async (password: string, statements: readonly string[]): Promise<RowDataPacket[]> => {
    const connection = await createConnection({ host: '127.0.0.1', port, user: 'root', password });
    try {
      let rows: RowDataPacket[] = [];
      for (const statement of statements) {
        const [result] = await connection.query<RowDataPacket[]>(statement);
        rows = Array.isArray(result) ? result : [];
      }
      return rows;
    } finally {
      connection.destroy();
    }
  };
  if (isNew) await sqlAs('', [`ALTER USER root@'127.0.0.1' IDENTIFIED BY '${ROOT_PASSWORD}'`]);
  return {
    host: '127.0.0.1',
    port,
    rootPassword: ROOT_PASSWORD,
    dataDirectory,
    url: (database) => `mysql://root:${ROOT_PASSWORD}@127.0.0.1:${port}/${database}`,
    sql: (...statements) => sqlAs(ROOT_PASSWORD, statements),
    createTenantDatabase: async (name, user = name, password = `${name}-password`) => {
      await sqlAs(ROOT_PASSWORD, [
        `CREATE DATABASE IF NOT EXISTS \`${name}\` CHARACTER SET utf8mb4`,
        `CREATE OR REPLACE USER '${user}'@'%' IDENTIFIED BY '${password}'`,
        `GRANT ALL PRIVILEGES ON \`${name}\`.* TO '${user}'@'%'`,
      ]);
    },
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
