import { createVerifier, TokenError, type TokenVerifier } from '@tessera/token';
import Database from 'better-sqlite3';
import { createConnection } from 'mysql2/promise';
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { runCli } from '../../../src/cli/program.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { SystemClock } from '../../../src/domain/clock.ts';
import { EmbeddedVault } from '../../../src/vault/embedded/embedded-vault.ts';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';
import { placeCredentials } from '../../support/fixtures/mysql-config.ts';
import { startProcess } from '../../support/servers/process.ts';
import { type ServerProcess, startServer } from '../../support/tessera/server-process.ts';
import { temporaryFolder } from '../../../src/testing/storage.ts';
import { TENANTS_FILE } from '../../support/fixtures/tenants-file.ts';
import { replaceEach } from '../../../libs/token/test/replace-once.ts';
import { builtProgram } from '../../support/tessera/built-program.ts';
import { startStopwatch } from '../../../libs/token/test/stopwatch.ts';

/** Two server processes on one MariaDB, warm caches, and clients that send requests while somebody is revoked. */
const PUBLIC_URL = 'http://tessera.localhost';
/** After the command no token is valid for longer than this, whenever it was issued. */
const DEAD_AFTER_MS = 8_000;
const GOOD_AFTER_PUT_BACK_MS = 5_000;
const GOOD_AFTER_APPLY_MS = 3_000;
const BLOCK_OF_READER = / {10}- id: reader\n(?: {12}.*\n)+/;
const WITHOUT_SOME = replaceEach(
  TENANTS_FILE.slice(0, TENANTS_FILE.indexOf('  - id: globex')),
  [BLOCK_OF_READER, ''],
  [/.*u-carol.*\n/, ''],
  [/.*a-root.*\n/, ''],
);
const folder = temporaryFolder();
let database: RunningMariaDb;
let servers: readonly [ServerProcess, ServerProcess];
let verifier: TokenVerifier;
let env: Record<string, string>;
const secrets = new Map<string, string>();

beforeAll(async () => {
  database = await startMariaDb();
  await database.sql('CREATE DATABASE control');
  env = {
    PUBLIC_URL,
    DATABASE_URL: database.url('control'),
    TESSERA_DATA_DIR: folder.path,
    LOG_LEVEL: 'info',
    // Refusals are expected here.
    TESSERA_FAILURES_PER_MINUTE: '100000',
  };
  await apply(TENANTS_FILE);
  servers = [await startServer(env, folder.path), await startServer(env, folder.path)];
  verifier = newVerifier();
});
afterAll(async () => {
  verifier.close();
  await Promise.all(servers.map((server) => server.end()));
  await database.close();
  folder.remove();
});

function newVerifier(tenants = ['acme', 'globex']): TokenVerifier {
  return createVerifier({
    baseUrl: PUBLIC_URL,
    fetchBaseUrl: servers[0].url,
    tenants,
    audience: ['shop-api', 'shop'],
    surfaces: ['user', 'admin'],
    dangerouslyAllowPlainHttp: true,
  });
}

async function cli(args: readonly string[], stdin = ''): Promise<string> {
  let [stdout, stderr] = ['', ''];
  const code = await runCli(args, {
    stdin: [Buffer.from(stdin)] as unknown as AsyncIterable<Uint8Array>,
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { write: (text: string) => (stderr += text) },
    clock: new SystemClock(),
    loadConfig: () => loadConfig(env, { cwd: folder.path }),
  });
  if (code !== 0) throw new Error(`tessera ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout;
}

async function apply(tenantsFile: string, ...options: string[]): Promise<void> {
  const output = await cli(['apply', '-f', '-', '--output', 'json', ...options], tenantsFile);
  for (const { tenant_id, project_id, client_id, secret_id } of (
    JSON.parse(output) as {
      secrets: Readonly<Record<'tenant_id' | 'project_id' | 'client_id' | 'secret_id', string>>[];
    }
  ).secrets)
    secrets.set(`${tenant_id}/${project_id}/${client_id}`, secret_id);
}

/** By hand, like the tenant's own programs. */
function setStatus(id: string, status: 'active' | 'disabled'): void {
  const directory = new Database(`${folder.path}/tenants/acme.sqlite`);
  directory.prepare('UPDATE tessera_users SET status = ? WHERE id = ?').run(status, id);
  directory.close();
}

interface Wanted {
  readonly email: string;
  readonly tenant?: string;
  readonly client?: string;
  readonly surface?: string;
}
const ADA: Wanted = { email: 'ada@acme.example' };

async function mint({ url }: ServerProcess, wanted: Wanted): Promise<string | undefined> {
  const { email, tenant = 'acme', client = 'web', surface = 'user' } = wanted;
  const answer = await fetch(`${url}/auth/${surface}/generateToken`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      tenant_id: tenant,
      project_id: 'shop',
      client_id: client,
      email_id: email,
      secret_id: secrets.get(`${tenant}/shop/${client}`),
    }),
  });
  const body = (await answer.json()) as { access_token?: string };
  return body.access_token;
}

/** Sends requests to both servers as fast as they answer. */
function minters(...wanted: readonly Wanted[]) {
  const tokens: string[] = [];
  let isOver = false;
  const loops = servers.map(async (server) => {
    while (!isOver) {
      for (const one of wanted) {
        const token = await mint(server, one);
        if (token !== undefined) tokens.push(token);
      }
      await delay(10);
    }
  });
  return {
    tokens,
    end: async () => {
      isOver = true;
      await Promise.all(loops);
    },
  };
}

async function isGood(token: string): Promise<boolean> {
  try {
    await verifier.verify(token);
    return true;
  } catch (error) {
    if (error instanceof TokenError) return false;
    throw error;
  }
}

async function countGood(tokens: readonly string[]): Promise<number> {
  const verdicts = await Promise.all(tokens.map(isGood));
  return verdicts.filter(Boolean).length;
}

/** Waits until a token of either server is valid. Returns milliseconds. */
async function untilGood(wanted: Wanted): Promise<number> {
  const stopwatch = startStopwatch();
  for (;;) {
    if (stopwatch.elapsedMs() > 60_000) throw new Error('no token becomes valid');
    for (const server of servers) {
      const token = await mint(server, wanted);
      if (token === undefined || !(await isGood(token))) continue;
      const goodAfterMs = stopwatch.elapsedMs();
      await delay(1_000);
      if (await isGood(token)) {
        stopwatch.stop();
        return goodAfterMs;
      }
    }
    await delay(20);
  }
}

async function warm(wanted: Wanted): Promise<void> {
  for (const server of servers) expect(await mint(server, wanted)).toBeDefined();
}

it('no token of a disabled and revoked subject stays valid, and tokens after it was restored are valid', async () => {
  await warm(ADA);
  const minting = minters(ADA);
  await eventually('tokens are made', () => minting.tokens.length > 10);
  setStatus('u-ada', 'disabled');
  await cli(['revoke', '--subject', 'acme/u-ada']);
  await delay(DEAD_AFTER_MS);
  await minting.end();
  expect(await countGood(minting.tokens)).toBe(0);
  setStatus('u-ada', 'active');
  expect(await untilGood(ADA)).toBeLessThan(GOOD_AFTER_PUT_BACK_MS);
});

it('nor does one of a server that was suspended for a while, with requests in transit', async () => {
  await warm(ADA);
  const paused = servers[1];
  await paused.pause();
  const onTheirWay = Array.from({ length: 20 }, () => mint(paused, ADA));
  await delay(200);
  setStatus('u-ada', 'disabled');
  await cli(['revoke', '--subject', 'acme/u-ada']);
  await delay(4_000);
  paused.resume();
  const tokens = (await Promise.all(onTheirWay)).filter((token) => token !== undefined);
  const minting = minters(ADA);
  await delay(4_000);
  await minting.end();
  expect(await countGood([...tokens, ...minting.tokens])).toBe(0);
  setStatus('u-ada', 'active');
});

it('a revoked subject that is still active soon gets valid tokens', async () => {
  await untilGood(ADA);
  await cli(['revoke', '--subject', 'acme/u-ada']);
  expect(await untilGood(ADA)).toBeLessThan(GOOD_AFTER_APPLY_MS);
});

it('the tokens of what apply removes are revoked permanently, and new ones are valid when it is applied again', async () => {
  const removed: readonly Wanted[] = [
    { email: 'carol@acme.example' },
    { email: 'eve@elsewhere.example', client: 'reader' },
    { email: 'root@acme.example', surface: 'admin' },
    { email: 'gus@globex.example', tenant: 'globex' },
  ];
  for (const one of removed) await warm(one);
  const minting = minters(...removed);
  await eventually('tokens are made', () => minting.tokens.length > 10);
  await apply(WITHOUT_SOME, '--prune', '--prune-tenants', '--yes');
  await delay(DEAD_AFTER_MS - 1_000);
  await minting.end();
  expect(await countGood(minting.tokens)).toBe(0);
  expect(await mint(servers[0], ADA)).toBeDefined();
  await apply(TENANTS_FILE);
  const applied = startStopwatch();
  for (const one of removed)
    for (const server of servers)
      await eventually('the server knows', async () => (await mint(server, one)) !== undefined);
  // A verifier caches for a while that there is no such tenant, because a server that has not read the change says so.
  verifier.close();
  verifier = newVerifier();
  const knownAfterMs = applied.stop();
  const times = await Promise.all(removed.map(untilGood));
  expect(knownAfterMs + Math.max(...times)).toBeLessThan(GOOD_AFTER_APPLY_MS);
  expect(await countGood(minting.tokens)).toBe(0);
});

it('users removed by a slow apply have no valid tokens, even if it was killed right after their rows were deleted', async () => {
  const file = (ids: readonly string[], kim: string) => `
apiVersion: tessera/v1
tenants:
  - id: slow
    name: Slow
    database: { driver: mysql, host: 127.0.0.1, port: ${database.port}, name: slow }
    projects:
      - id: shop
        name: Shop
        clients: [{ id: web, surfaces: [user], scopes: unbounded, subjects: any }]
    users: [${ids.map((id) => `{ id: u-${id}, email: ${id === 'kim' ? kim : id}@slow.example }`).join(', ')}]
`;
  await database.createTenantDatabase('slow');
  const vault = new EmbeddedVault(folder.path);
  await placeCredentials(vault, 'slow', { username: 'slow', password: 'slow-password' });
  await vault.close();
  await apply(file(['kim', 'lee'], 'kim'));
  const lee: Wanted = { tenant: 'slow', email: 'lee@slow.example' };
  for (const server of servers)
    await eventually('the server knows the tenant', async () => (await mint(server, lee)) !== undefined);
  await writeFile(`${folder.path}/without-lee.yaml`, file(['kim'], 'kim2'));

  const holders = await Promise.all(['slow', 'control'].map((name) => createConnection(database.url(name))));
  const [inDirectory, inControl] = holders;
  for (const holder of holders) await holder.beginTransaction();
  // The first lock holds up what `apply` writes to the directory; the second, what it writes after that.
  await inDirectory!.query("SELECT * FROM tessera_users WHERE id = 'u-kim' FOR UPDATE");
  await inControl!.query('SELECT * FROM change_sequence FOR UPDATE');
  const minting = minters(lee);
  await eventually('tokens are made', () => minting.tokens.length > 10);
  const applying = await startProcess(
    process.execPath,
    [builtProgram('cli'), 'apply', '-f', `${folder.path}/without-lee.yaml`, '--prune'],
    { cwd: folder.path, env: { PATH: process.env['PATH'], ...env }, ready: () => true },
  );
  const isWaiting = async () =>
    (await database.sql("SELECT 1 FROM information_schema.processlist WHERE db = 'slow' AND info LIKE '%FOR UPDATE'"))
      .length > 0;
  await eventually('apply waits for a row', isWaiting);
  await delay(3_500);
  await inDirectory!.rollback();
  const isGone = async () => (await database.sql("SELECT 1 FROM slow.tessera_users WHERE id = 'u-lee'")).length === 0;
  await eventually('the user is gone', isGone);
  await applying.end('SIGKILL');
  await inControl!.rollback();
  for (const holder of holders) await holder.end();
  await delay(DEAD_AFTER_MS);
  await minting.end();

  const ofSlow = newVerifier(['slow']);
  const verdicts = await Promise.allSettled(minting.tokens.map((token) => ofSlow.verify(token)));
  ofSlow.close();
  expect(verdicts.filter(({ status }) => status === 'fulfilled')).toHaveLength(0);
  expect(await mint(servers[0], lee)).toBeUndefined();
});
