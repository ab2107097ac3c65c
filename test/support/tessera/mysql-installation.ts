import { listen } from '../../../src/http/listen.ts';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { runCli } from '../../../src/cli/program.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { createApp } from '../../../src/create-app.ts';
import { shutDown } from '../../../src/health/shutdown.ts';
import { EmbeddedVault } from '../../../src/vault/embedded/embedded-vault.ts';
import { SystemClock } from '../../../src/domain/clock.ts';
import { type Answer, readAnswer } from '../requests/answer.ts';
import type { RunningMariaDb } from '../servers/mariadb.ts';
import { placeCredentials } from '../fixtures/mysql-config.ts';
import { freePort } from '../servers/process.ts';
import { startServer } from './server-process.ts';
import { temporaryFolder } from '../../../src/testing/storage.ts';

/** The control plane and the tenant `acme` on one MariaDB, each with an ordinary user: `init_connect` is not run for privileged ones. */
export interface MysqlInstallation {
  /** The names of the databases and of their users. */
  readonly control: string;
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  run(args: readonly string[], stdin?: string, changes?: Readonly<Record<string, string>>): Promise<CliResult>;
  /** Sets the credentials of the tenant's database. */
  placeCredentials(username: string, password: string): Promise<void>;
  /** Applies a file that must be accepted, and keeps the secret of `acme/shop/web`. */
  apply(tenantsFile: string): Promise<readonly unknown[]>;
  /** A server in this process. `log` is its whole output. */
  start(changes?: Readonly<Record<string, string>>): Promise<RunningService & { log(): string }>;
  /** A server as a separate process, which `close` kills. */
  startProcess(): Promise<RunningService>;
  close(): Promise<void>;
}

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningService {
  get(path: string): Promise<Answer>;
  mint(surface?: 'admin' | 'user'): Promise<Answer>;
  exchange(bearer: string, oidcToken: string): Promise<Answer>;
  revoke(token: string): Promise<Answer>;
  introspect(token: string): Promise<Answer>;
  close(): Promise<void>;
}

export async function mysqlInstallation(
  server: RunningMariaDb,
  name: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<MysqlInstallation> {
  const [control, directory] = [`c_${name}`, `d_${name}`];
  await server.createTenantDatabase(control);
  await server.createTenantDatabase(directory);
  const folder = temporaryFolder();
  const dataDirectory = `${folder.path}/data`;
  const place = async (username: string, password: string): Promise<void> => {
    const vault = new EmbeddedVault(dataDirectory);
    await placeCredentials(vault, 'acme', { username, password });
    await vault.close();
  };
  await place(directory, `${directory}-password`);
  const env = {
    PUBLIC_URL: 'http://tessera.localhost',
    DATABASE_URL: `mysql://${control}:${control}-password@127.0.0.1:${server.port}/${control}`,
    TESSERA_DATA_DIR: dataDirectory,
    TESSERA_GRANTS_CACHE_SECONDS: '0',
    LOG_LEVEL: 'debug',
    ...settings,
  };
  let secret = '';
  const run = async (
    args: readonly string[],
    stdin = '',
    changes: Readonly<Record<string, string>> = {},
  ): Promise<CliResult> => {
    const written = { stdout: '', stderr: '' };
    const code = await runCli(args, {
      stdin: [Buffer.from(stdin)] as unknown as AsyncIterable<Uint8Array>,
      stdout: { write: (text: string) => (written.stdout += text) },
      stderr: { write: (text: string) => (written.stderr += text) },
      clock: new SystemClock(),
      loadConfig: () => loadConfig({ ...env, ...changes }, { cwd: folder.path }),
    });
    return { code, ...written };
  };
  return {
    control,
    directory,
    env,
    run,
    placeCredentials: place,
    apply: async (tenantsFile) => {
      const { code, stdout, stderr } = await run(['apply', '-f', '-', '-o', 'json'], tenantsFile);
      if (code !== 0) throw new Error(`apply ended with ${code}:\n${stderr}`);
      const { changes, secrets } = JSON.parse(stdout) as { changes: unknown[]; secrets: { secret_id: string }[] };
      secret = secrets[0]?.secret_id ?? secret;
      return changes;
    },
    start: async (changes = {}) => {
      const port = await freePort();
      const config = loadConfig({ ...env, PORT: String(port), ...changes }, { cwd: folder.path });
      const lines: string[] = [];
      const app: NestFastifyApplication = await createApp({
        config,
        logDestination: { write: (line: string) => lines.push(line) },
      });
      await listen(app, { host: '127.0.0.1', port });
      const service = asked(`http://127.0.0.1:${port}`, () => secret);
      return { ...service, log: () => lines.join(''), close: () => shutDown(app) };
    },
    startProcess: async () => {
      const running = await startServer(env, folder.path);
      const close = async (): Promise<void> => {
        await running.end('SIGKILL');
      };
      return { ...asked(running.url, () => secret), close };
    },
    close: async () => {
      for (const database of [control, directory])
        await server.sql(`DROP DATABASE ${database}`, `DROP USER ${database}`);
      folder.remove();
    },
  };
}

function asked(url: string, secret: () => string): Omit<RunningService, 'close'> {
  const post = async (path: string, body: object, headers: Record<string, string> = {}) =>
    readAnswer(
      await fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    );
  const form = async (path: string, token: string) =>
    readAnswer(
      await fetch(url + path, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`shop%2Fweb:${secret()}`).toString('base64')}` },
        body: new URLSearchParams({ token }),
      }),
    );
  return {
    get: async (path) => readAnswer(await fetch(url + path)),
    mint: (surface = 'user') =>
      post(`/auth/${surface}/generateToken`, {
        tenant_id: 'acme',
        project_id: 'shop',
        client_id: 'web',
        email_id: surface === 'user' ? 'ada@acme.example' : 'root@acme.example',
        secret_id: secret(),
      }),
    exchange: (bearer, oidcToken) =>
      post('/auth/user/oidcToken', { oidc_token: oidcToken }, { authorization: `Bearer ${bearer}` }),
    revoke: (token) => form('/tenants/acme/revoke', token),
    introspect: (token) => form('/tenants/acme/introspect', token),
  };
}
