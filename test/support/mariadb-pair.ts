import { eventually } from '../../libs/token/test/eventually.ts';
import { type RunningMariaDb, startMariaDb } from './mariadb.ts';

/** Two MariaDB servers, the second a read-only replica of the first. */
export interface MariaDbPair {
  readonly primary: RunningMariaDb;
  readonly replica: RunningMariaDb;
  /** The planned failover: the primary takes no writes any more, the replica has all of them, and becomes the primary. */
  promote(): Promise<void>;
  /** Ends both and removes their data. */
  close(): Promise<void>;
}

export async function startMariaDbPair(): Promise<MariaDbPair> {
  const start = (serverId: number, ...options: string[]) =>
    startMariaDb({ serverOptions: [`--server-id=${serverId}`, '--log-bin=binlog', ...options] });
  const [primary, replica] = await Promise.all([start(1), start(2, '--log-slave-updates')]);
  const position = await positionOf(primary);
  await replica.sql(
    'SET GLOBAL read_only = 1',
    `SET GLOBAL gtid_slave_pos = '${position}'`,
    `CHANGE MASTER TO MASTER_HOST = '${primary.host}', MASTER_PORT = ${primary.port}, MASTER_USER = 'root',
      MASTER_PASSWORD = '${primary.rootPassword}', MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1`,
    'START SLAVE',
  );
  return {
    primary,
    replica,
    promote: async () => {
      await primary.sql('SET GLOBAL read_only = 1');
      const written = await positionOf(primary);
      await eventually('the replica has everything', async () => {
        const [row] = await replica.sql(`SELECT MASTER_GTID_WAIT('${written}', 1) AS waited`);
        return row?.['waited'] === 0;
      });
      await replica.sql('STOP SLAVE', 'SET GLOBAL read_only = 0');
    },
    close: async () => {
      await Promise.all([primary.close(), replica.close()]);
    },
  };
}

async function positionOf(server: RunningMariaDb): Promise<string> {
  const [row] = await server.sql('SELECT @@gtid_binlog_pos AS position');
  return String(row?.['position']);
}
