import { type RunningMariaDb, startMariaDb } from '../../test/support/servers/mariadb.ts';
import { type RunningOpenBao, startOpenBaoDev } from '../../test/support/servers/openbao.ts';
import type { MysqlDatabase } from '../sample/tenants-file.ts';

/** A MariaDB and an OpenBao for one benchmark, on the core of the load: the stores of a production server. */
export class ProductionStores {
  readonly #mariadb: RunningMariaDb;
  readonly #openbao: RunningOpenBao;

  private constructor(mariadb: RunningMariaDb, openbao: RunningOpenBao) {
    this.#mariadb = mariadb;
    this.#openbao = openbao;
  }

  /**
   * @param durability `synced` writes to the disk as production does. `unsynced` is for benchmarks that create many databases, each of which would
   * wait for the disk some dozen times
   */
  static async start(durability: 'synced' | 'unsynced'): Promise<ProductionStores> {
    const mariadb = await startMariaDb({
      // Sized for a server of a thousand databases; the tests' default is for a handful.
      serverOptions: [
        ...['--innodb-buffer-pool-size=1G', '--innodb-log-file-size=128M', '--table-open-cache=20000'],
        ...(durability === 'synced' ? ['--innodb-flush-method=O_DIRECT', '--innodb-flush-log-at-trx-commit=1'] : []),
      ],
    });
    // Started one after the other, so that a failure of the second cannot leave the first running.
    try {
      await mariadb.sql('CREATE DATABASE tessera');
      return new ProductionStores(mariadb, await startOpenBaoDev());
    } catch (error) {
      await mariadb.close();
      throw error;
    }
  }

  /** The settings of a Tessera that uses these stores. */
  settings(): Record<string, string> {
    return {
      DATABASE_URL: this.#mariadb.url('tessera'),
      VAULT_ADDR: this.#openbao.address,
      VAULT_TOKEN: this.#openbao.rootToken,
    };
  }

  /** The address of a tenant's database. Writes its credentials to OpenBao. */
  async databaseOf(tenant: string): Promise<MysqlDatabase> {
    const { host, port, rootPassword } = this.#mariadb;
    const credentials = { username: 'root', password: rootPassword };
    await this.#openbao.api('POST', `kv/data/database/${tenant}`, { data: credentials });
    return { driver: 'mysql', host, port, name: `t_${tenant}` };
  }

  /** For a tenant that was removed and purged: Tessera never drops a database of a server. */
  async dropDatabaseOf(tenant: string): Promise<void> {
    await this.#mariadb.sql(`DROP DATABASE \`t_${tenant}\``);
  }

  /** The number of connections now, without the benchmark's own. */
  async connections(): Promise<number> {
    const [row] = await this.#mariadb.sql(`SHOW GLOBAL STATUS LIKE 'Threads_connected'`);
    return Number(row?.['Value']) - 1;
  }

  async forgetPeak(): Promise<void> {
    await this.#mariadb.sql('FLUSH STATUS');
  }

  /** The largest number of connections at one time since `forgetPeak`, without the benchmark's own. */
  async peakConnections(): Promise<number> {
    const [row] = await this.#mariadb.sql(`SHOW GLOBAL STATUS LIKE 'Max_used_connections'`);
    return Number(row?.['Value']) - 1;
  }

  async close(): Promise<void> {
    await this.#openbao.close();
    await this.#mariadb.close();
  }
}
