import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answer, readAnswer } from '../requests/answer.ts';
import { builtProgram } from './built-program.ts';
import { basic } from '../requests/basic-credentials.ts';
import { Canaries } from '../fixtures/canaries.ts';
import { type RunningMariaDb, startMariaDb } from '../servers/mariadb.ts';
import {
  type OpenBaoAppRole,
  type RaftOpenBao,
  type RunningOpenBao,
  startOpenBaoDev,
  startOpenBaoRaft,
} from '../servers/openbao.ts';
import { freePort, type RunningProcess, startProcess } from '../servers/process.ts';
import { type RunningRedis, startRedis } from '../servers/redis.ts';
import { startTcpProxy, type TcpProxy } from '../servers/tcp-proxy.ts';
import { replaceOnce } from '../../../libs/token/test/replace-once.ts';
import { startStopwatch } from '../../../libs/token/test/stopwatch.ts';

/** `acme` has its own database server; the other two share one. The control plane has the third. */
export const TENANTS = ['acme', 'globex', 'initech'] as const;
export type TenantName = (typeof TENANTS)[number];

/** It is in every token, so it must not depend on a replica's port. */
const PUBLIC_URL = 'http://tessera.localhost';

/** A load makes thousands of tokens; the first hundreds are enough. */
const MOST_CANARIES = 300;

export interface CliRun {
  readonly child: ReturnType<typeof spawn>;
  readonly result: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
}

/** One process of the built server. */
export interface Replica extends RunningProcess {
  readonly url: string;
  readonly port: number;
  readonly get: (path: string, headers?: Record<string, string>) => Promise<TimedAnswer>;
  readonly mint: (tenant: TenantName, changes?: Partial<MintRequest>) => Promise<TimedAnswer>;
  /** A token of `web` about itself, from the token endpoint. */
  readonly clientCredentials: (tenant: TenantName) => Promise<TimedAnswer>;
}

export interface TimedAnswer extends Answer {
  readonly ms: number;
}

export interface MintRequest {
  readonly surface: 'admin' | 'user';
  readonly client: string;
  /** null: none is sent. */
  readonly secret: string | null;
  readonly email: string;
  /** The source that a trusted proxy reports. */
  readonly from: string;
}

/**
 * A whole production installation of real processes: a MariaDB for the control plane, two for three tenants, OpenBao and Redis, provisioned by the
 * real command line. Each dependency of a replica is behind a proxy that tests can break; the command line connects directly.
 *
 * Every credential and every e-mail address is a canary that must not leak.
 */
export class TestCluster<Vault extends RunningOpenBao = RunningOpenBao> {
  readonly canaries = new Canaries();
  readonly control: RunningMariaDb;
  /** The server of `acme`. */
  readonly acmeServer: RunningMariaDb;
  readonly othersServer: RunningMariaDb;
  readonly vault: Vault;
  readonly redis: RunningRedis;
  readonly proxies: Readonly<Record<'control' | 'acme' | 'vault' | 'redis', TcpProxy>>;
  /** Of the control database, for tests that change it. */
  readonly controlPassword: string;
  readonly redisPassword: string;
  vaultRole!: OpenBaoAppRole;
  readonly #folder: string;
  readonly #programs: { readonly main: string; readonly cli: string };
  readonly #secrets = new Map<string, string>();
  readonly #replicas: Replica[] = [];
  #login: Readonly<Record<string, string>> = {};

  private constructor(parts: {
    servers: readonly [RunningMariaDb, RunningMariaDb, RunningMariaDb];
    vault: Vault;
    redis: RunningRedis;
    redisPassword: string;
    proxies: TestCluster['proxies'];
    folder: string;
    programs: { main: string; cli: string };
  }) {
    [this.control, this.acmeServer, this.othersServer] = parts.servers;
    this.vault = parts.vault;
    this.redis = parts.redis;
    this.proxies = parts.proxies;
    this.#folder = parts.folder;
    this.#programs = parts.programs;
    this.redisPassword = parts.redisPassword;
    this.canaries.add('the Redis password', parts.redisPassword);
    this.controlPassword = this.canaries.plant('the password of the control database');
  }

  static onDevVault(): Promise<TestCluster> {
    return TestCluster.#start(startOpenBaoDev);
  }

  static onRaftVault(): Promise<TestCluster<RaftOpenBao>> {
    return TestCluster.#start(startOpenBaoRaft);
  }

  static async #start<V extends RunningOpenBao>(startVault: () => Promise<V>): Promise<TestCluster<V>> {
    const redisPassword = `c4nary-redis-${randomBytes(8).toString('hex')}`;
    const programs = { main: builtProgram('main'), cli: builtProgram('cli') };
    const [control, acme, others, vault, redis, folder] = await Promise.all([
      startMariaDb(),
      startMariaDb(),
      startMariaDb(),
      startVault(),
      startRedis({ password: redisPassword }),
      mkdtemp(join(tmpdir(), 'tessera-cluster-')),
    ]);
    const cluster = new TestCluster({
      servers: [control, acme, others],
      vault,
      redis,
      redisPassword,
      proxies: {
        control: await startTcpProxy(control.port),
        acme: await startTcpProxy(acme.port),
        vault: await startTcpProxy(vault.port),
        redis: await startTcpProxy(redis.port),
      },
      folder,
      programs,
    });
    await cluster.#provision();
    return cluster;
  }

  /** The current tenants file, with additional clients if wanted. */
  tenantsFile(options: { readonly clients?: readonly string[] } = {}): string {
    return `apiVersion: tessera/v1\ntenants:\n${TENANTS.map((tenant) => this.#tenant(tenant, options.clients ?? [])).join('')}`;
  }

  serverOf(tenant: TenantName): RunningMariaDb {
    return tenant === 'acme' ? this.acmeServer : this.othersServer;
  }

  email(tenant: TenantName, surface: 'admin' | 'user' = 'user'): string {
    return this.canaries.once(`the address of ${tenant}’s ${surface}`, (canary) => `${canary}@${tenant}.example`);
  }

  databasePassword(tenant: TenantName): string {
    return this.canaries.once(`the password of ${tenant}’s database`, (canary) => canary);
  }

  /** The secret that `apply` showed for a client of the tenant. */
  secret(tenant: TenantName, client = 'web'): string {
    return this.#secrets.get(`${tenant}/${client}`)!;
  }

  /** Sets the secret that the client sends. */
  useSecret(tenant: TenantName, secret: string, client = 'web'): void {
    this.#secrets.set(`${tenant}/${client}`, secret);
  }

  /** Writes the credentials of the tenant's database to Vault. */
  async placeCredentials(tenant: TenantName): Promise<void> {
    const data = { username: tenant, password: this.databasePassword(tenant) };
    await this.vault.api('POST', `kv/data/database/${tenant}`, { data });
  }

  serverEnvironment(changes: Readonly<Record<string, string>> = {}): Record<string, string> {
    return {
      ...this.cliEnvironment(),
      DATABASE_URL: this.#databaseUrl(this.proxies.control.port),
      VAULT_ADDR: `http://127.0.0.1:${this.proxies.vault.port}`,
      REDIS_URL: replaceOnce(this.redis.url, `:${this.redis.port}`, `:${this.proxies.redis.port}`),
      LOG_LEVEL: 'debug',
      // So short that every outage takes effect at once.
      TESSERA_VAULT_CACHE_SECONDS: '1',
      TESSERA_GRANTS_CACHE_SECONDS: '0',
      // Tests that poll until something holds must not be limited for it.
      TESSERA_FAILURES_PER_MINUTE: '100000',
      ...changes,
    };
  }

  cliEnvironment(): Record<string, string> {
    return {
      PUBLIC_URL,
      DATABASE_URL: this.#databaseUrl(this.control.port),
      VAULT_ADDR: this.vault.address,
      TESSERA_DATA_DIR: join(this.#folder, 'data'),
      ...this.#login,
    };
  }

  /** How servers and commands log in to Vault. */
  logInBy(login: Readonly<Record<string, string>>): void {
    this.#login = login;
  }

  async startReplica(changes: Readonly<Record<string, string>> = {}): Promise<Replica> {
    const port = await freePort();
    const running = await startProcess(process.execPath, [this.#programs.main], {
      cwd: this.#folder,
      env: { PATH: process.env['PATH'], PORT: String(port), ...this.serverEnvironment(changes) },
      ready: (server) => server.output().includes('"event":"listening"'),
    });
    const url = `http://127.0.0.1:${port}`;
    const replica: Replica = {
      ...running,
      port,
      url,
      get: (path, headers = {}) => this.#ask(url + path, { headers }),
      mint: (tenant, request = {}) => this.#mint(url, tenant, request),
      clientCredentials: (tenant) => this.#clientCredentials(url, tenant),
    };
    this.#replicas.push(replica);
    return replica;
  }

  /** A server that is expected to exit by itself. */
  async runServer(changes: Readonly<Record<string, string>> = {}): Promise<{ code: number | null; output: string }> {
    const { code, stdout, stderr } = await this.#spawn([this.#programs.main], {
      PORT: String(await freePort()),
      ...this.serverEnvironment(changes),
    }).result;
    return { code, output: stdout + stderr };
  }

  /** Starts a command; the caller may kill it. */
  startCli(args: readonly string[], stdin = '', changes: Readonly<Record<string, string>> = {}): CliRun {
    const run = this.#spawn([this.#programs.cli, ...args], { ...this.cliEnvironment(), ...changes });
    run.child.stdin?.on('error', () => undefined);
    run.child.stdin?.end(stdin);
    return run;
  }

  /** Runs a command that must succeed, and returns its standard output. */
  async cli(args: readonly string[], stdin = ''): Promise<string> {
    const { code, stdout, stderr } = await this.startCli(args, stdin).result;
    if (code !== 0) throw new Error(`tessera ${args.join(' ')} ended with ${code}:\n${stderr}`);
    return stdout;
  }

  /** Applies a file that must be accepted, and keeps the shown secrets. */
  async apply(file: string, ...options: readonly string[]): Promise<{ readonly changes: readonly unknown[] }> {
    const report = JSON.parse(await this.cli(['apply', '-f', '-', '-o', 'json', ...options], file)) as {
      changes: unknown[];
      secrets: { tenant_id: string; client_id: string; secret_id: string }[];
    };
    for (const { tenant_id, client_id, secret_id } of report.secrets) {
      this.#secrets.set(`${tenant_id}/${client_id}`, secret_id);
      this.canaries.add(`a secret of ${tenant_id}/${client_id}`, secret_id);
    }
    return report;
  }

  async auditedTokens(): Promise<Set<string>> {
    const rows = await this.control.sql(`SELECT token_id FROM control.audit_records WHERE outcome = 'issued'`);
    return new Set(rows.map((row) => row['token_id'] as string));
  }

  /** Restores the initial state: proxies pass, replicas are stopped. */
  async rest(): Promise<void> {
    for (const proxy of Object.values(this.proxies)) {
      proxy.setMode('pass');
      proxy.cut();
    }
    await Promise.all(this.#replicas.splice(0).map((replica) => replica.end('SIGKILL')));
  }

  async close(): Promise<void> {
    await this.rest();
    for (const proxy of Object.values(this.proxies)) await proxy.close();
    await Promise.all([
      ...[this.control, this.acmeServer, this.othersServer].map((server) => server.close()),
      this.vault.close(),
      this.redis.close(),
    ]);
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #provision(): Promise<void> {
    await this.control.createTenantDatabase('control', 'tessera', this.controlPassword);
    for (const tenant of TENANTS) {
      await this.serverOf(tenant).createTenantDatabase(`t_${tenant}`, tenant, this.databasePassword(tenant));
      await this.placeCredentials(tenant);
    }
    this.vaultRole = await this.vault.createAppRole();
    const { roleId, secretId } = this.vaultRole;
    this.canaries.add('the secret id of the Vault role', secretId);
    this.logInBy({ VAULT_ROLE_ID: roleId, VAULT_SECRET_ID: secretId });
    await this.apply(this.tenantsFile());
  }

  #databaseUrl(port: number): string {
    return `mysql://tessera:${this.controlPassword}@127.0.0.1:${port}/control`;
  }

  #tenant(tenant: TenantName, clients: readonly string[]): string {
    const port = tenant === 'acme' ? this.proxies.acme.port : this.othersServer.port;
    return `  - id: ${tenant}
    name: ${tenant}
    database: { driver: mysql, host: 127.0.0.1, port: ${port}, name: t_${tenant} }
    projects:
      - id: shop
        clients:
${['web', 'other', ...clients].map((id) => `          - { id: ${id}, surfaces: [admin, user], scopes: unbounded, subjects: any${id === 'web' ? ', service: { roles: [reader] }' : ''} }\n`).join('')}\
    scopes:
      - { name: "orders:read", resource: orders }
    roles:
      - { name: reader, scopes: ["orders:read"] }
    users:
      - { id: u-one, email: ${this.email(tenant)}, roles: [reader] }
    admins:
      - { id: a-one, email: ${this.email(tenant, 'admin')}, scopes: ["tenant:manage"] }
`;
  }

  async #mint(url: string, tenant: TenantName, request: Partial<MintRequest>): Promise<TimedAnswer> {
    const { surface = 'user', client = 'web' } = request;
    const answer = await this.#ask(`${url}/auth/${surface}/generateToken`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(request.from === undefined ? {} : { 'x-forwarded-for': request.from }),
      },
      body: JSON.stringify({
        tenant_id: tenant,
        project_id: 'shop',
        client_id: client,
        email_id: request.email ?? this.email(tenant, surface),
        ...(request.secret === null ? {} : { secret_id: request.secret ?? this.secret(tenant, client) }),
      }),
    });
    return this.#searched(answer);
  }

  async #clientCredentials(url: string, tenant: TenantName): Promise<TimedAnswer> {
    const answer = await this.#ask(`${url}/tenants/${tenant}/token`, {
      method: 'POST',
      headers: basic('shop/web', this.secret(tenant)),
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
    return this.#searched(answer);
  }

  /** Its token is a canary; anything else must hold none. */
  #searched(answer: TimedAnswer): TimedAnswer {
    const token = answer.body['access_token'];
    // Only the signature makes it a token; header and claims hold ids that may be shown.
    if (typeof token === 'string') {
      if (this.canaries.count < MOST_CANARIES) this.canaries.add('a token', token.split('.')[2]!);
    } else this.canaries.search('an answer', answer.text + JSON.stringify([...answer.headers]));
    return answer;
  }

  async #ask(url: string, init: RequestInit): Promise<TimedAnswer> {
    const stopwatch = startStopwatch();
    try {
      // Far above the promised time: a request that takes longer hangs.
      const response = await fetch(url, { ...init, signal: AbortSignal.timeout(60_000) });
      const answer = await readAnswer(response);
      return { ...answer, ms: stopwatch.elapsedMs() };
    } finally {
      stopwatch.stop();
    }
  }

  #spawn(args: readonly string[], env: Readonly<Record<string, string>>): CliRun {
    const child = spawn(process.execPath, args, {
      cwd: this.#folder,
      env: { PATH: process.env['PATH'], ...env },
    });
    const written = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => (written[name] += text));
    const result = once(child, 'close').then(([code]) => {
      this.canaries.search('what a command says', written.stderr);
      // Secrets are shown once, and an export is the tenants file.
      const allow = args.includes('export') ? /^the address of / : /^a secret of /;
      this.canaries.search('what a command prints', written.stdout, { allow });
      return { code: code as number | null, ...written };
    });
    return { child, result };
  }

  /** Every place where a canary was found, the output of all replicas that were started included. */
  leaks(): readonly string[] {
    for (const replica of this.#replicas) this.canaries.search('the output of a server', replica.output());
    return this.canaries.found;
  }
}
