import { setTimeout as delay } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import { createConnection } from 'mysql2/promise';
import { ManyTenants } from '../../support/tessera/many-tenants.ts';
import { type ServerProcess, startServer } from '../../support/tessera/server-process.ts';
import { eventually } from '../../../libs/token/test/eventually.ts';

/** The small form of `npm run bench -- --only ten-thousand-tenants`. */
const TENANTS = 200;
const BUDGET = 20;
/** Two samples are not taken at one time: a connection that is closed on one server and opened on the other may be in both. */
const SAMPLING = 2;
const CALLERS = 16;

let installation: ManyTenants;
let server: ServerProcess | undefined;

const start = () =>
  startServer(
    {
      ...installation.environment(),
      TESSERA_TENANT_CONNECTIONS: String(BUDGET),
      // Each token reads the tenant's database.
      TESSERA_GRANTS_CACHE_SECONDS: '0',
    },
    installation.folder,
  );

beforeAll(async () => {
  installation = await ManyTenants.start({ tenants: TENANTS, servers: 2 });
  await installation.provision();
  server = await start();
});
afterAll(async () => {
  await server?.end();
  await installation.close();
});

async function mint(tenant: string): Promise<{ readonly status: number; readonly token: string }> {
  const answer = await fetch(`${server!.url}/auth/user/generateToken`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: installation.body(tenant),
  });
  const { access_token: token = '' } = (await answer.json()) as { access_token?: string };
  return { status: answer.status, token };
}

/** One token of each tenant. Fails if one is refused, or of another tenant. */
async function oneOfEach(tenants: readonly string[] = installation.ids): Promise<Map<string, string>> {
  const tokens = new Map<string, string>();
  const rest = [...tenants];
  const caller = async (): Promise<void> => {
    for (let tenant = rest.pop(); tenant !== undefined; tenant = rest.pop()) {
      const { status, token } = await mint(tenant);
      expect({ tenant, status }).toEqual({ tenant, status: 200 });
      expect(decodeJwt(token)).toMatchObject({ tenant_id: tenant, roles: [`role-of-${tenant}`] });
      tokens.set(tenant, token);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return tokens;
}

async function statusesOf(tokens: ReadonlyMap<string, string>): Promise<Set<number>> {
  const statuses = new Set<number>();
  for (const token of tokens.values()) {
    const answer = await fetch(`${server!.url}/auth/user/profile`, { headers: { authorization: `Bearer ${token}` } });
    await answer.arrayBuffer();
    statuses.add(answer.status);
  }
  return statuses;
}

it('each tenant gets its first token, and then tokens in turn, within the budget of connections', async () => {
  const most = await installation.mostConnections(async () => {
    for (let turn = 0; turn < 4; turn += 1) expect((await oneOfEach()).size).toBe(TENANTS);
  });
  console.info(`${TENANTS} tenants: ${most} connections at the most`);
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(BUDGET + SAMPLING);
});

it('a noisy tenant costs the others no token', async () => {
  const [noisy, ...others] = installation.ids;
  let isOver = false;
  let count = 0;
  const noise = Array.from({ length: 2 * CALLERS }, async () => {
    while (!isOver) {
      await mint(noisy!);
      count += 1;
    }
  });
  const most = await installation.mostConnections(async () => {
    for (let turn = 0; turn < 2; turn += 1) expect((await oneOfEach(others)).size).toBe(TENANTS - 1);
  });
  isOver = true;
  await Promise.all(noise);
  expect(count).toBeGreaterThan(CALLERS);
  expect(most).toBeLessThanOrEqual(BUDGET + SAMPLING);
});

it('a rotation of all keys refuses no valid token, of before or after', async () => {
  const before = await oneOfEach();
  const rotated = JSON.parse(await installation.cli(['keys', 'rotate', '--all', '-o', 'json'])) as unknown;
  expect(rotated).toEqual({ rotated: installation.ids, waiting: [], failed: [] });
  const keysOf = async (id: string) => {
    const answer = await fetch(`${server!.url}/tenants/${id}/jwks.json`);
    return ((await answer.json()) as { keys: unknown[] }).keys;
  };
  for (const id of installation.ids.slice(0, 20))
    await eventually(`both keys of ${id} are published`, async () => (await keysOf(id)).length === 2);
  expect(await statusesOf(before)).toEqual(new Set([200]));
  expect(await statusesOf(await oneOfEach())).toEqual(new Set([200]));
  // Run again, it finds nothing to do.
  const again = JSON.parse(await installation.cli(['keys', 'rotate', '--all', '-o', 'json'])) as unknown;
  expect(again).toEqual({ rotated: [], waiting: installation.ids, failed: [] });
});

it('a command that reads all tenants may take longer than a request', async () => {
  const { host, port, rootPassword } = installation.control;
  const holder = await createConnection({ host, port, user: 'root', password: rootPassword });
  try {
    // As if there were ten thousand of them: the read ends after more than TESSERA_DATABASE_TIMEOUT_MS.
    await holder.query('LOCK TABLES tessera.tenants WRITE');
    const exported = installation.cli(['export']);
    await delay(3000);
    await holder.query('UNLOCK TABLES');
    expect((await exported).match(/^ {2}- id: /gm)).toHaveLength(TENANTS);
  } finally {
    holder.destroy();
  }
});

it('a restart serves every tenant again, and keeps its tokens', async () => {
  const before = await oneOfEach();
  await server?.end();
  server = await start();
  expect((await oneOfEach()).size).toBe(TENANTS);
  expect(await statusesOf(before)).toEqual(new Set([200]));
});
