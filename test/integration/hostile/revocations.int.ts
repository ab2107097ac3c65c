import { createVerifier, TokenError, type TokenVerifier } from '@tessera/token';
import { decodeJwt } from 'jose';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { runCli } from '../../../src/cli/program.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { SystemClock } from '../../../src/domain/clock.ts';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';
import { type ServerProcess, startServer } from '../../support/tessera/server-process.ts';
import { temporaryFolder } from '../../../src/testing/storage.ts';
import { TENANTS_FILE } from '../../support/fixtures/tenants-file.ts';
import { askForToken } from '../../support/requests/generate-token.ts';
import { startStopwatch } from '../../../libs/token/test/stopwatch.ts';

/** Two server processes on one MariaDB. A revocation at one takes effect within 2 s at the other, and at a verifier that polls the other. */
const PUBLIC_URL = 'http://tessera.localhost';
const FELT_WITHIN_MS = 2_000;
const folder = temporaryFolder();
let database: RunningMariaDb;
let servers: readonly [ServerProcess, ServerProcess];
let env: Record<string, string>;
const secrets = new Map<string, string>();
const verifiers: TokenVerifier[] = [];

beforeAll(async () => {
  database = await startMariaDb();
  await database.sql('CREATE DATABASE control');
  env = { PUBLIC_URL, DATABASE_URL: database.url('control'), TESSERA_DATA_DIR: folder.path, LOG_LEVEL: 'info' };
  for (const { tenant_id, project_id, client_id, secret_id } of await applySecrets())
    secrets.set(`${tenant_id}/${project_id}/${client_id}`, secret_id);
  servers = [await startServer(env, folder.path), await startServer(env, folder.path)];
});
afterEach(() => {
  for (const verifier of verifiers.splice(0)) verifier.close();
});
afterAll(async () => {
  await Promise.all((servers ?? []).map((server) => server.end()));
  await database.close();
  folder.remove();
});

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

async function applySecrets(): Promise<
  Readonly<Record<'tenant_id' | 'project_id' | 'client_id' | 'secret_id', string>>[]
> {
  const output = await cli(['apply', '-f', '-', '--output', 'json'], TENANTS_FILE);
  return (JSON.parse(output) as { secrets: never[] }).secrets;
}

async function issue({ url }: ServerProcess): Promise<string> {
  const answer = await askForToken(url, secrets.get('acme/shop/web'));
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { access_token: string }).access_token;
}

async function revoke({ url }: ServerProcess, token: string): Promise<void> {
  const credentials = Buffer.from(`shop%2Fweb:${secrets.get('acme/shop/web')!}`).toString('base64');
  const answer = await fetch(`${url}/tenants/acme/revoke`, {
    method: 'POST',
    headers: { authorization: `Basic ${credentials}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ token }).toString(),
  });
  expect(answer.status).toBe(200);
}

/** Polls one of the two, like another service. */
function follower(server: ServerProcess): TokenVerifier {
  const verifier = createVerifier({
    baseUrl: PUBLIC_URL,
    fetchBaseUrl: server.url,
    tenants: ['acme'],
    audience: 'shop-api',
    dangerouslyAllowPlainHttp: true,
  });
  verifiers.push(verifier);
  return verifier;
}

const isRevoked = async (verifier: TokenVerifier, token: string) => {
  const refusal: unknown = await verifier.verify(token).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (refusal !== undefined) expect(refusal).toBeInstanceOf(TokenError);
  return refusal instanceof TokenError && refusal.code === 'TOKEN_REVOKED';
};
const profileStatus = async ({ url }: ServerProcess, token: string) =>
  (await fetch(`${url}/auth/user/profile`, { headers: { authorization: `Bearer ${token}` } })).status;

const metric = async ({ url }: ServerProcess, name: string) => {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
};

interface Feed {
  readonly sequence: number;
  readonly entries: readonly { readonly seq: number; readonly id: string }[];
  readonly more: boolean;
}
const feed = async ({ url }: ServerProcess, query: string) =>
  (await (await fetch(`${url}/revocations?${query}`)).json()) as Feed;

it('a revocation at one takes effect within 2 s at a verifier that polls the other, and at the other’s own guards', async () => {
  const [one, other] = servers;
  const [token, stays] = [await issue(one), await issue(one)];
  const verifier = follower(other);
  expect((await verifier.verify(token)).subject).toBe('u-ada');
  expect(await profileStatus(other, token)).toBe(200);
  await revoke(one, token);
  expect(await profileStatus(one, token)).toBe(401);
  const [atVerifier, atGuard] = await Promise.all([
    eventually('the verifier refuses', () => isRevoked(verifier, token)),
    eventually('the guard refuses', async () => (await profileStatus(other, token)) === 401),
  ]);
  expect(Math.max(atVerifier, atGuard)).toBeLessThan(FELT_WITHIN_MS);
  expect((await verifier.verify(stays)).subject).toBe('u-ada');
});

it('a revocation by the command line takes effect within 2 s at both, and new tokens are valid', async () => {
  const token = await issue(servers[0]);
  const following = servers.map(follower);
  for (const verifier of following) await verifier.verify(token);
  await cli(['revoke', '--subject', 'acme/u-ada']);
  const felt = await Promise.all(
    following.map((verifier) => eventually('the verifier refuses', () => isRevoked(verifier, token))),
  );
  expect(Math.max(...felt)).toBeLessThan(FELT_WITHIN_MS);
  // A token that is issued earlier would be revoked, too.
  await delay(3_000);
  const fresh = await issue(servers[1]);
  for (const verifier of following) expect((await verifier.verify(fresh)).subject).toBe('u-ada');
});

it('pollers of either miss nothing and see every number once, while both write', async () => {
  const count = 40;
  const start = (await feed(servers[0], 'after=0&wait=0')).sequence;
  const tokens: string[] = [];
  for (let index = 0; index < count; index++) tokens.push(await issue(servers[index % 2]!));
  let isOver = false;
  const follow = async (server: ServerProcess) => {
    const seen: { seq: number; id: string }[] = [];
    for (let after = start; !isOver || after < start + count;) {
      const answer = await feed(server, `after=${after}&wait=1`);
      seen.push(...answer.entries);
      after = answer.sequence;
    }
    return seen;
  };
  const following = Promise.all(servers.map(follow));
  await Promise.all(tokens.map((token, index) => revoke(servers[(index + 1) % 2]!, token)));
  isOver = true;
  const ids = tokens.map((token) => decodeJwt(token).jti).sort();
  for (const seen of await following) {
    expect(seen.map(({ seq }) => seq)).toEqual(Array.from({ length: count }, (_, index) => start + index + 1));
    expect(seen.map(({ id }) => id).sort()).toEqual(ids);
  }
});

it('while the database is down: guards continue, the feed answers 503 after 5 s, and both recover by themselves', async () => {
  const [one, other] = servers;
  const [token, stays] = [await issue(one), await issue(one)];
  await revoke(one, token);
  await eventually('the guard refuses', async () => (await profileStatus(other, token)) === 401);
  await database.stop('SIGKILL');
  const status = async () => (await fetch(`${other.url}/revocations`)).status;
  await eventually('the feed cannot say', async () => (await status()) === 503);
  expect(await profileStatus(other, token)).toBe(401);
  expect(await profileStatus(other, stays)).toBe(200);
  await database.restart();
  expect(await eventually('the feed says again', async () => (await status()) === 200)).toBeLessThan(5_000);
  await revoke(other, stays);
  expect(await eventually('the guard refuses', async () => (await profileStatus(one, stays)) === 401)).toBeLessThan(
    FELT_WITHIN_MS,
  );
});

it('a server that shuts down releases its pollers, which find the other', async () => {
  const extra = await startServer(env, folder.path);
  const { sequence } = await feed(extra, 'after=0&wait=0');
  const waiting = feed(extra, `after=${sequence}&wait=20`);
  await eventually('the request waits', async () => (await metric(extra, 'tessera_revocation_followers')) === 1);
  const stopwatch = startStopwatch();
  const [answer, code] = [await Promise.all([waiting, extra.end()]), 0];
  expect(answer).toEqual([{ sequence, entries: [], more: false }, code]);
  expect(stopwatch.stop()).toBeLessThan(5_000);
  expect((await feed(servers[1], `after=${sequence}&wait=0`)).sequence).toBe(sequence);
});

it('a number that was never issued is from before a restore: the poller starts again', async () => {
  const { sequence } = await feed(servers[0], 'after=0&wait=0');
  const after = sequence + 1 + randomBytes(2).readUInt16BE();
  expect(await feed(servers[0], `after=${after}&wait=20`)).toMatchObject({ sequence, reset: true });
});

describe('a list of 200,000 revocations of other tenants', () => {
  const COUNT = 200_000;
  it('costs a replica little, and a verifier of one tenant reads almost nothing of it', async () => {
    const [server, other] = servers;
    const revoked = await issue(server);
    await revoke(other, revoked);
    const before = await metric(server, 'process_resident_memory_bytes');
    await database.sql(
      'USE control',
      `INSERT INTO revocations (seq, tenant_id, kind, revoked_id, before_seconds, until_seconds)
        SELECT value + n.seq, CONCAT('t-', n.seq % 200), 'token', UUID(), NULL, UNIX_TIMESTAMP() + 3600
        FROM revocation_sequence, seq_1_to_${COUNT} n`,
      `UPDATE revocation_sequence SET value = value + ${COUNT}`,
    );
    let slowestMs = 0;
    await eventually('the list is known', async () => {
      const asked = startStopwatch();
      await fetch(`${server.url}/healthz`);
      slowestMs = Math.max(slowestMs, asked.stop());
      return (await metric(server, 'tessera_revocations')) >= COUNT;
    });
    const grown = (await metric(server, 'process_resident_memory_bytes')) - before;
    const proxy = await countingProxy(server.port);
    const verifier = createVerifier({
      baseUrl: PUBLIC_URL,
      fetchBaseUrl: `http://127.0.0.1:${proxy.port}`,
      tenants: ['acme'],
      audience: 'shop-api',
    });
    try {
      expect(await isRevoked(verifier, revoked)).toBe(true);
      expect((await verifier.verify(await issue(server))).subject).toBe('u-ada');
    } finally {
      verifier.close();
      proxy.close();
    }
    const read = proxy.answered();
    expect(grown).toBeLessThan(120e6);
    expect(read).toBeLessThan(1e6);
    expect(slowestMs).toBeLessThan(1_000);
  });

  it('is read by a starting server, and by a poller of all tenants', async () => {
    const server = await startServer(env, folder.path);
    try {
      expect(await metric(server, 'tessera_revocations')).toBeGreaterThanOrEqual(COUNT);
      let entries = 0;
      for (let after = 0, more = true; more;) {
        const answer = await feed(server, `after=${after}&wait=0`);
        entries += answer.entries.length;
        ({ sequence: after, more } = answer);
      }
      expect(entries).toBeGreaterThanOrEqual(COUNT);
      expect(await metric(server, 'process_resident_memory_bytes')).toBeLessThan(400e6);
    } finally {
      await server.end();
    }
  });
});

/** Forwards everything, and counts the response bytes. */
async function countingProxy(target: number): Promise<{ port: number; answered(): number; close(): void }> {
  let answered = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => socket.destroy()));
    upstream.on('data', (chunk: Buffer) => (answered += chunk.byteLength));
    client.pipe(upstream).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    answered: () => answered,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
