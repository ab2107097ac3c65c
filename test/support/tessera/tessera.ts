import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { runCli } from '../../../src/cli/program.ts';
import type { Config } from '../../../src/config/config.ts';
import { type Environment, loadConfig } from '../../../src/config/load-config.ts';
import { createApp } from '../../../src/create-app.ts';
import { listen } from '../../../src/http/listen.ts';
import { shutDown } from '../../../src/health/shutdown.ts';
import { RevocationPoller } from '../../../src/revocation/revocation-poller.ts';
import { ChangePoller } from '../../../src/tenancy/change-poller.ts';
import { SystemClock } from '../../../src/domain/clock.ts';
import { type Answer, readAnswer } from '../requests/answer.ts';
import { freePort } from '../servers/process.ts';
import { TENANTS_FILE } from '../fixtures/tenants-file.ts';
import { TestClock } from '../../../src/testing/test-clock.ts';

/** A whole service on the embedded stores, provisioned through the command line and used over HTTP. */
export interface TestTesseraServer {
  readonly url: string;
  readonly config: Config;
  readonly clock: TestClock;
  /** All log lines so far. */
  readonly log: () => string;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Sends a form; a string is sent as it is. */
  postForm(path: string, form: string | Record<string, string>, headers?: Record<string, string>): Promise<Answer>;
  /** Sends from another loopback address, so from another source. */
  postFrom(address: string, path: string, body: unknown): Promise<Answer>;
  /** The secret that `apply` showed for `tenant/project/client`. */
  secret(client: string): string;
  secretId(client: string, index: number): Promise<string>;
  addSecret(client: string, options?: readonly string[]): Promise<string>;
  apply(tenantsFile: string, options?: readonly string[]): Promise<void>;
  /** Runs a command that must succeed, and returns its standard output. */
  cli(args: readonly string[]): Promise<string>;
  /** Waits until the server has read every change. */
  caughtUp(): Promise<void>;
  auditRows(): number;
  auditRow(requestId: string): Record<string, unknown>;
  auditReason(requestId: string): unknown;
  close(): Promise<void>;
}

export interface TestTesseraServerOptions {
  readonly tenantsFile?: string;
  /** Default: so many that no test reaches the limit by accident. */
  readonly failuresPerMinute?: number;
  readonly env?: Environment;
}

interface AppliedSecret {
  readonly tenant_id: string;
  readonly project_id: string;
  readonly client_id: string;
  readonly secret_id: string;
}

export async function startTessera(options: TestTesseraServerOptions = {}): Promise<TestTesseraServer> {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-'));
  const port = await freePort();
  const config = loadConfig(
    {
      PORT: String(port),
      PUBLIC_URL: `http://localhost:${port}`,
      LOG_LEVEL: 'debug',
      TESSERA_DATA_DIR: join(folder, 'data'),
      TESSERA_FAILURES_PER_MINUTE: String(options.failuresPerMinute ?? 100_000),
      ...options.env,
    },
    { cwd: folder },
  );
  const secrets = new Map<string, string>();
  const cli = (args: readonly string[]) => runOrFail(config, args);
  const applyOnly = async (tenantsFile: string, applyOptions: readonly string[]) => {
    const file = join(folder, 'tenants.yaml');
    writeFileSync(file, tenantsFile);
    const output = await cli(['apply', '-f', file, '--output', 'json', ...applyOptions]);
    for (const secret of (JSON.parse(output) as { secrets: AppliedSecret[] }).secrets) {
      secrets.set(`${secret.tenant_id}/${secret.project_id}/${secret.client_id}`, secret.secret_id);
    }
  };
  await applyOnly(options.tenantsFile ?? TENANTS_FILE, []);

  const clock = new TestClock();
  const lines: string[] = [];
  const app = await createApp({ config, clock, logDestination: { write: (line: string) => lines.push(line) } });
  await listen(app, config);
  const follower = app.get(ChangePoller, { strict: false });
  const revocations = app.get(RevocationPoller, { strict: false });
  const url = config.publicUrl;
  const audit = <T>(read: (database: Database.Database) => T): T => {
    const database = new Database(join(config.dataDirectory, 'control.sqlite'), { readonly: true });
    try {
      return read(database);
    } finally {
      database.close();
    }
  };

  const tessera: TestTesseraServer = {
    url,
    config,
    clock,
    log: () => lines.join(''),
    get: async (path, headers = {}) => readAnswer(await fetch(url + path, { headers })),
    post: async (path, body, headers = {}) =>
      readAnswer(
        await fetch(url + path, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: JSON.stringify(body),
        }),
      ),
    postForm: async (path, form, headers = {}) =>
      readAnswer(
        await fetch(url + path, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
          body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
        }),
      ),
    postFrom: (address, path, body) => postFrom(address, url + path, body),
    secret: (client) => {
      const secret = secrets.get(client);
      if (secret === undefined) throw new Error(`no secret was shown for ${client}`);
      return secret;
    },
    secretId: async (client, index) => {
      const listed = JSON.parse(await cli(['secrets', 'list', client, '--output', 'json'])) as {
        secrets: { id: string }[];
      };
      return listed.secrets[index]!.id;
    },
    addSecret: async (client, addOptions = []) => {
      const added = JSON.parse(await cli(['secrets', 'add', client, '--output', 'json', ...addOptions])) as {
        secret_id: string;
      };
      await follower.poll();
      return added.secret_id;
    },
    apply: async (tenantsFile, applyOptions = []) => {
      await applyOnly(tenantsFile, applyOptions);
      await follower.poll();
    },
    cli,
    caughtUp: async () => {
      await follower.poll();
      await revocations.catchUp();
    },
    auditRows: () =>
      audit(
        (database) =>
          (database.prepare('SELECT count(*) AS count FROM audit_records').get() as { count: number }).count,
      ),
    auditRow: (requestId) =>
      audit((database) => {
        const row = database.prepare('SELECT * FROM audit_records WHERE request_id = ?').get(requestId);
        if (row === undefined) throw new Error('the request is not on record');
        return row as Record<string, unknown>;
      }),
    auditReason: (requestId) => tessera.auditRow(requestId)['reason'],
    close: async () => {
      await shutDown(app);
      rmSync(folder, { recursive: true });
    },
  };
  return tessera;
}

/** Runs a command in this process. Fails the test with the command's output if it does not succeed. */
async function runOrFail(config: Config, args: readonly string[]): Promise<string> {
  let output = '';
  let complaints = '';
  const code = await runCli(args, {
    stdin: (async function* () {})(),
    stdout: { write: (text: string) => (output += text) },
    stderr: { write: (text: string) => (complaints += text) },
    clock: new SystemClock(),
    loadConfig: () => config,
  });
  if (code !== 0) throw new Error(`tessera ${args.join(' ')} ended with ${code}:\n${complaints}`);
  return output;
}

function postFrom(localAddress: string, url: string, body: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const text = JSON.stringify(body);
    const { hostname, port, pathname } = new URL(url);
    const sent = request(
      {
        // `localhost` may be ::1, which no 127.0.0.x reaches.
        hostname: hostname === 'localhost' ? '127.0.0.1' : hostname,
        port,
        path: pathname,
        method: 'POST',
        localAddress,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const headers = new Headers(
            Object.entries(response.headers).map(([name, value]): [string, string] => [name, String(value)]),
          );
          resolve(readAnswer(new Response(Buffer.concat(chunks), { status: response.statusCode ?? 0, headers })));
        });
      },
    );
    sent.on('error', reject);
    sent.end(text);
  });
}
