import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createConnection, type RowDataPacket } from 'mysql2/promise';

/** How tests reach a MariaDB on 127.0.0.1 as its operator. `root` has the password `root-password`. */
export interface MariaDbAccess {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly rootPassword: string;
  /** For `DATABASE_URL`: the given database as root. */
  url(database: string): string;
  /** Runs statements as root. */
  sql(...statements: readonly string[]): Promise<RowDataPacket[]>;
  /** Creates an empty database and a user with all rights in it only. */
  createTenantDatabase(name: string, user?: string, password?: string): Promise<void>;
}

const ROOT_PASSWORD = 'root-password';

/** Small and fast: several of these run at the same time in tests. */
export const SMALL_SERVER: readonly string[] = [
  '--innodb-buffer-pool-size=32M',
  '--innodb-log-file-size=8M',
  '--performance-schema=OFF',
  // With these options a kill of the server loses nothing, only a power cut would. Syncing takes most of a test's time.
  '--innodb-flush-log-at-trx-commit=2',
  '--innodb-flush-method=nosync',
  '--innodb-file-per-table=0',
  '--sync-frm=0',
  '--skip-name-resolve',
];

/** Makes a new data directory, in which root has no password yet. */
export async function installMariaDb(dataDirectory: string, tmpDirectory: string, user = 'root'): Promise<void> {
  await promisify(execFile)('mariadb-install-db', [
    '--no-defaults',
    `--user=${user}`,
    `--datadir=${dataDirectory}`,
    // A starting MariaDB removes the temporary tables in its folder, also those of another server that starts at the same time.
    `--tmpdir=${tmpDirectory}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
  ]);
}

/** Gives root of a new data directory its password. */
export async function secureRoot(port: number): Promise<void> {
  await sqlAs(port, '', [`ALTER USER root@'127.0.0.1' IDENTIFIED BY '${ROOT_PASSWORD}'`]);
}

export function accessTo(port: number): MariaDbAccess {
  const sql = (...statements: readonly string[]) => sqlAs(port, ROOT_PASSWORD, statements);
  return {
    host: '127.0.0.1',
    port,
    rootPassword: ROOT_PASSWORD,
    url: (database) => `mysql://root:${ROOT_PASSWORD}@127.0.0.1:${port}/${database}`,
    sql,
    createTenantDatabase: async (name, user = name, password = `${name}-password`) => {
      await sql(
        `CREATE DATABASE IF NOT EXISTS \`${name}\` CHARACTER SET utf8mb4`,
        `CREATE OR REPLACE USER '${user}'@'%' IDENTIFIED BY '${password}'`,
        `GRANT ALL PRIVILEGES ON \`${name}\`.* TO '${user}'@'%'`,
      );
    },
  };
}

async function sqlAs(port: number, password: string, statements: readonly string[]): Promise<RowDataPacket[]> {
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
}
