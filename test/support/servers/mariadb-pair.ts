import { eventually } from '../../../libs/token/test/eventually.ts';
import { type RunningMariaDb, startMariaDb } from './mariadb.ts';

/** Two MariaDB servers, one of them a read-only replica of the other. */
export interface MariaDbPair {
  readonly primary: RunningMariaDb;
  readonly replica: RunningMariaDb;
  /**
   * A planned failover: the primary refuses writes, the replica receives the last of them and becomes the primary, and the old primary becomes its
   * replica.
   *
   * @returns when the new primary accepted writes, by `performance.now()`
   */
  promote(): Promise<number>;
  /** Stops both and removes their data. */
  close(): Promise<void>;
}

export async function startMariaDbPair(): Promise<MariaDbPair> {
  const start = (serverId: number) =>
    startMariaDb({ serverOptions: [`--server-id=${serverId}`, '--log-bin=binlog', '--log-slave-updates'] });
  let [primary, replica] = await Promise.all([start(1), start(2)]);
  await follow(replica, primary);
  return {
    get primary() {
      return primary;
    },
    get replica() {
      return replica;
    },
    promote: async () => {
      await primary.sql('SET GLOBAL read_only = 1');
      const written = await positionOf(primary);
      await eventually('the replica has everything', async () => {
        const [row] = await replica.sql(`SELECT MASTER_GTID_WAIT('${written}', 1) AS waited`);
        return row?.['waited'] === 0;
      });
      await replica.sql('STOP SLAVE', 'SET GLOBAL read_only = 0');
      const promotedAt = performance.now();
      [primary, replica] = [replica, primary];
      await follow(replica, primary);
      return promotedAt;
    },
    close: async () => {
      await Promise.all([primary.close(), replica.close()]);
    },
  };
}

async function follow(replica: RunningMariaDb, primary: RunningMariaDb): Promise<void> {
  await replica.sql(
    'SET GLOBAL read_only = 1',
    `SET GLOBAL gtid_slave_pos = '${await positionOf(primary)}'`,
    `CHANGE MASTER TO MASTER_HOST = '${primary.host}', MASTER_PORT = ${primary.port}, MASTER_USER = 'root',
      MASTER_PASSWORD = '${primary.rootPassword}', MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1`,
    'START SLAVE',
  );
}

async function positionOf(server: RunningMariaDb): Promise<string> {
  const [row] = await server.sql('SELECT @@gtid_binlog_pos AS position');
  return String(row?.['position']);
}
