import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../../src/cli/program.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import type { Surface } from '../../../src/domain/surface.ts';
import { SystemClock } from '../../../src/domain/clock.ts';
import { type Answer, readAnswer } from '../requests/answer.ts';
import { basic } from '../requests/basic-credentials.ts';
import { type ServerProcess, startServer } from './server-process.ts';
import type { TestTesseraServer } from './tessera.ts';

/** Server processes of one installation, provisioned by the command line, for the client acme/shop/web. */
export interface ExchangeReplicas {
  readonly servers: readonly ServerProcess[];
  bearer(surface: Surface): Promise<string>;
  /** @param secretId default: the client's */
  mint(server: ServerProcess, surface: Surface, secretId?: string): Promise<Answer>;
  /** Revokes a token as its client. */
  revoke(server: ServerProcess, token: string): Promise<Answer>;
  exchange(server: ServerProcess, surface: Surface, bearer: string, oidcToken: string): Promise<Answer>;
  /** One server as every client of the tenants file uses it. */
  at(server: ServerProcess): Pick<TestTesseraServer, 'post' | 'postForm' | 'secret'>;
  apply(tenantsFile: string): Promise<void>;
  /** Runs a command that must succeed, and returns its standard output. `changes` replace settings. */
  cli(args: readonly string[], changes?: Readonly<Record<string, string>>): Promise<string>;
  close(): Promise<void>;
}

export const PUBLIC_URL = 'http://tessera.localhost';

/** @param ofEach replaces settings of each server; commands have `settings` alone */
export async function startExchangeReplicas(
  count: number,
  tenantsFile: string,
  settings: Readonly<Record<string, string>>,
  ofEach: (index: number) => Readonly<Record<string, string>> = () => ({}),
): Promise<ExchangeReplicas> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-exchange-'));
  const env = { PUBLIC_URL, TESSERA_DATA_DIR: join(folder, 'data'), ...settings };
  const secrets = new Map<string, string>();
  const cli = async (args: readonly string[], changes: Readonly<Record<string, string>> = {}): Promise<string> => {
    const written = { out: '', err: '' };
    const code = await runCli(args, {
      stdin: (async function* () {})(),
      stdout: { write: (text: string) => (written.out += text) },
      stderr: { write: (text: string) => (written.err += text) },
      clock: new SystemClock(),
      loadConfig: () => loadConfig({ ...env, ...changes }, { cwd: folder }),
    });
    if (code !== 0) throw new Error(`tessera ${args.join(' ')} ended with ${code}:\n${written.err}`);
    return written.out;
  };
  const apply = async (text: string): Promise<void> => {
    const file = join(folder, 'tenants.yaml');
    await writeFile(file, text);
    const { secrets: shown } = JSON.parse(await cli(['apply', '-f', file, '-o', 'json'])) as {
      secrets: { tenant_id: string; project_id: string; client_id: string; secret_id: string }[];
    };
    for (const one of shown) secrets.set(`${one.tenant_id}/${one.project_id}/${one.client_id}`, one.secret_id);
  };
  await cli(['migrate']);
  await apply(tenantsFile);
  const servers = await Promise.all(
    Array.from({ length: count }, (_, index) => startServer({ ...env, ...ofEach(index) }, folder)),
  );
  const post: TestTesseraServer['post'] = async (url, body, headers = {}) =>
    readAnswer(
      await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    );
  const secret = (client: string): string => {
    const shown = secrets.get(client);
    if (shown === undefined) throw new Error(`no secret was shown for ${client}`);
    return shown;
  };
  const postForm: TestTesseraServer['postForm'] = async (url, form, headers = {}) =>
    readAnswer(await fetch(url, { method: 'POST', headers, body: new URLSearchParams(form) }));
  const mint = (server: ServerProcess, surface: Surface, secretId = secret('acme/shop/web')) =>
    post(`${server.url}/auth/${surface}/generateToken`, {
      tenant_id: 'acme',
      project_id: 'shop',
      client_id: 'web',
      email_id: surface === 'user' ? 'ada@acme.example' : 'root@acme.example',
      secret_id: secretId,
    });
  return {
    servers,
    apply,
    cli,
    mint,
    revoke: (server, token) =>
      postForm(`${server.url}/tenants/acme/revoke`, { token }, basic('shop/web', secret('acme/shop/web'))),
    bearer: async (surface) => {
      const answer = await mint(servers[0]!, surface);
      if (answer.status !== 200) throw new Error(`no bearer, but ${answer.text}`);
      return answer.body['access_token'] as string;
    },
    exchange: (server, surface, bearer, oidcToken) =>
      post(`${server.url}/auth/${surface}/oidcToken`, { oidc_token: oidcToken }, { authorization: `Bearer ${bearer}` }),
    at: ({ url }) => ({
      post: (path, body, headers) => post(url + path, body, headers),
      postForm: (path, form, headers) => postForm(url + path, form, headers),
      secret,
    }),
    close: async () => {
      await Promise.all(servers.map((server) => server.end()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
