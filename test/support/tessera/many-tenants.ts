import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';
import { stringify } from 'yaml';
import { type RunningMariaDb, startMariaDb } from '../servers/mariadb.ts';
import { type RunningOpenBao, startOpenBaoDev } from '../servers/openbao.ts';
import { builtProgram } from './built-program.ts';

const PUBLIC_URL = 'http://tessera.localhost';
/** Credentials that are written to OpenBao at once. */
const WRITERS = 16;
/** Between two looks at the connections of all servers. */
const SAMPLE_MS = 10;

export interface ManyTenantsOptions {
  readonly tenants: number;
  /** MariaDB servers, each with the databases of its part of the tenants. The control plane has one more. */
  readonly servers: number;
  readonly serverOptions?: readonly string[];
}

/** An installation of many tenants on a few MariaDB servers: each has its own database and its own user of the server. */
export class ManyTenants {
  readonly ids: readonly string[];
  readonly servers: readonly RunningMariaDb[];
  readonly control: RunningMariaDb;
  readonly folder: string;
  readonly #vault: RunningOpenBao;
  readonly #secrets = new Map<string, string>();

  private constructor(
    tenants: number,
    [control, ...servers]: readonly [RunningMariaDb, ...RunningMariaDb[]],
    vault: RunningOpenBao,
    folder: string,
  ) {
    this.ids = Array.from({ length: tenants }, (_, number) => `t${String(number).padStart(5, '0')}`);
    [this.control, this.servers] = [control, servers];
    this.#vault = vault;
    this.folder = folder;
  }

  static async start({ tenants, servers, serverOptions = [] }: ManyTenantsOptions): Promise<ManyTenants> {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-many-'));
    const started: RunningMariaDb[] = [];
    try {
      for (let server = 0; server <= servers; server += 1) started.push(await startMariaDb({ serverOptions }));
      const made = new ManyTenants(
        tenants,
        started as [RunningMariaDb, ...RunningMariaDb[]],
        await startOpenBaoDev(),
        folder,
      );
      await made.#makeUsers();
      return made;
    } catch (error) {
      await Promise.all(started.map((server) => server.close()));
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** What servers and commands have in common. */
  environment(): Record<string, string> {
    return {
      PUBLIC_URL,
      DATABASE_URL: this.control.url('tessera'),
      VAULT_ADDR: this.#vault.address,
      VAULT_TOKEN: this.#vault.rootToken,
      TESSERA_DATA_DIR: join(this.folder, 'data'),
      TESSERA_TENANT_CACHE_ENTRIES: String(Math.max(2000, this.ids.length)),
    };
  }

  /**
   * `tessera apply` for all tenants. Keeps the clients' secrets, which are shown once.
   *
   * @param again fails if there is anything left to change
   */
  async provision(again = false): Promise<void> {
    const output = await this.cli(['apply', '-f', '-', '--output', 'json'], this.#tenantsFile());
    const { changes, secrets } = JSON.parse(output) as {
      changes: readonly unknown[];
      secrets: readonly { tenant_id: string; secret_id: string }[];
    };
    if (again && changes.length > 0) throw new Error(`the second apply changed ${changes.length} things`);
    for (const { tenant_id: tenant, secret_id: secret } of secrets) this.#secrets.set(tenant, secret);
  }

  /** The body of `POST /auth/user/generateToken`. */
  body(tenant: string): string {
    const secret = this.#secrets.get(tenant);
    if (secret === undefined) throw new Error(`no secret was shown for tenant ${tenant}`);
    return JSON.stringify({
      tenant_id: tenant,
      project_id: 'shop',
      client_id: 'web',
      secret_id: secret,
      email_id: `ada@${tenant}.example`,
    });
  }

  /** Resolves to its standard output; rejects if it fails. */
  cli(words: readonly string[], input = ''): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [builtProgram('cli'), ...words], {
        cwd: this.folder,
        env: { PATH: process.env['PATH'], ...this.environment() },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      let [output, errors] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
      child.once('error', reject);
      child.once('close', (code) => {
        if (code === 0) resolve(output);
        else
          reject(
            new Error(
              `tessera ${words.join(' ')} ended with ${code ?? 'a signal'}:\n${errors.slice(-2000)}\n${output.slice(-2000)}`,
            ),
          );
      });
      child.stdin.end(input);
    });
  }

  /** Tenants in the control plane: the progress of `provision`. */
  async provisioned(): Promise<number> {
    const [row] = await this.control.sql('SELECT COUNT(*) AS count FROM tessera.tenants').catch(() => []);
    return Number(row?.['count'] ?? 0);
  }

  /**
   * Asks all servers how many connections the tenants' users have, again and again while `work` runs.
   *
   * @returns the largest sum. The servers are asked one after the other, so a connection that moves from one to another may count twice
   */
  async mostConnections(work: () => Promise<unknown>): Promise<number> {
    const monitors = await Promise.all(
      this.servers.map(({ host, port, rootPassword }) =>
        createConnection({ host, port, user: 'root', password: rootPassword }),
      ),
    );
    let [most, isOver] = [0, false];
    const watch = (async () => {
      while (!isOver) {
        await delay(SAMPLE_MS);
        const counts = await Promise.all(
          monitors.map(async (monitor) => {
            const [rows] = await monitor.query(
              "SELECT COUNT(*) AS count FROM information_schema.PROCESSLIST WHERE USER <> 'root'",
            );
            return Number((rows as { count: number }[])[0]?.count);
          }),
        );
        most = Math.max(
          most,
          counts.reduce((sum, count) => sum + count, 0),
        );
      }
    })();
    try {
      await work();
    } finally {
      isOver = true;
      await watch;
      for (const monitor of monitors) monitor.destroy();
    }
    return most;
  }

  async close(): Promise<void> {
    await this.#vault.close();
    await Promise.all([this.control, ...this.servers].map((server) => server.close()));
    await rm(this.folder, { recursive: true, force: true });
  }

  #serverOf(index: number): RunningMariaDb {
    return this.servers[index % this.servers.length]!;
  }

  async #makeUsers(): Promise<void> {
    await this.control.sql('CREATE DATABASE tessera');
    await Promise.all(
      this.servers.map((server) =>
        server.sql(
          ...this.ids
            .filter((_, index) => this.#serverOf(index) === server)
            .flatMap((id) => [
              `CREATE USER '${id}'@'%' IDENTIFIED BY '${id}-password'`,
              `GRANT ALL PRIVILEGES ON \`d_${id}\`.* TO '${id}'@'%'`,
            ]),
        ),
      ),
    );
    const rest = [...this.ids];
    const write = async (): Promise<void> => {
      for (let id = rest.pop(); id !== undefined; id = rest.pop())
        await this.#vault.api('POST', `kv/data/database/${id}`, {
          data: { username: id, password: `${id}-password` },
        });
    };
    await Promise.all(Array.from({ length: WRITERS }, write));
  }

  #tenantsFile(): string {
    return stringify(
      {
        apiVersion: 'tessera/v1',
        tenants: this.ids.map((id, index) => {
          const { host, port } = this.#serverOf(index);
          return {
            id,
            database: { driver: 'mysql', host, port, name: `d_${id}` },
            projects: [
              { id: 'shop', clients: [{ id: 'web', surfaces: ['user'], scopes: 'unbounded', subjects: 'any' }] },
            ],
            scopes: [{ name: 'orders:read', resource: 'orders' }],
            roles: [{ name: `role-of-${id}`, scopes: ['orders:read'] }],
            users: [{ id: 'u-ada', email: `ada@${id}.example`, roles: [`role-of-${id}`] }],
          };
        }),
      },
      { aliasDuplicateObjects: false },
    );
  }
}
