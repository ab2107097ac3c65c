import Database from 'better-sqlite3';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { controlDatabaseFile } from '../../src/control-plane/control-database.ts';
import { startMariaDb } from '../../test/support/servers/mariadb.ts';
import { mysqlConfig } from '../../test/support/fixtures/mysql-config.ts';

/** A control database that a benchmark fills by statements of its own. */
export interface AuditStore {
  readonly name: string;
  readonly config: Config;
  /** Runs statements without the limits that a server has. */
  run(...statements: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export function sqliteStore(folder: string): AuditStore {
  const config = loadConfig({ TESSERA_DATA_DIR: folder, PUBLIC_URL: 'http://localhost:3000' }, { cwd: folder });
  return {
    name: 'SQLite',
    config,
    run: (...statements) => {
      const database = new Database(controlDatabaseFile(config));
      for (const statement of statements) database.exec(statement);
      database.close();
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

/** A MariaDB with the memory of a small production server, which is less than the table takes. */
export async function mariadbStore(folder: string): Promise<AuditStore> {
  const mariadb = await startMariaDb({
    serverOptions: [
      ...['--innodb-buffer-pool-size=1G', '--innodb-log-file-size=512M', '--innodb-file-per-table=1'],
      // For the fill. Reading does not depend on it.
      ...['--innodb-flush-log-at-trx-commit=0', '--skip-log-bin'],
    ],
  });
  await mariadb.sql('CREATE DATABASE tessera');
  return {
    name: 'MariaDB',
    config: mysqlConfig(mariadb, 'tessera', folder),
    run: async (...statements) => {
      await mariadb.sql('USE tessera', ...statements);
    },
    close: () => mariadb.close(),
  };
}
