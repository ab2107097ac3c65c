import { setTimeout as delay } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { withApplyLock } from '../../../src/control-plane/apply-lock.ts';
import { NO_ENTITIES } from '../../../src/database/schema.ts';
import { EmbeddedVault } from '../../../src/vault/embedded/embedded-vault.ts';
import { type Answer, readAnswer } from '../../support/requests/answer.ts';
import { type MariaDbPair, startMariaDbPair } from '../../support/servers/mariadb-pair.ts';
import { placeCredentials } from '../../support/fixtures/mysql-config.ts';
import { openTenantDatabase } from '../../support/fixtures/tenant-directories.ts';
import { type ServerProcess, startServer } from '../../support/tessera/server-process.ts';
import { type TcpProxy, startTcpProxy } from '../../support/servers/tcp-proxy.ts';
import { TestInstallation } from '../../e2e/cli/installation.ts';
import { askForToken } from '../../support/requests/generate-token.ts';

/**
 * A primary becomes read-only and its replica takes over, behind a proxy that sends new connections to the new primary and keeps the open ones.
 * Control database and the tenant's database are both on it.
 */
const RECOVERY_MS = 5000;

let pair: MariaDbPair;
let proxy: TcpProxy;
let installation: TestInstallation;
let server: ServerProcess;
let secret: string;

beforeAll(async () => {
  pair = await startMariaDbPair();
  proxy = await startTcpProxy(pair.primary.port);
  // Neither user may write to a read-only server.
  await pair.primary.createTenantDatabase('control', 'tessera', 'control-password');
  await pair.primary.createTenantDatabase('d_acme');
  installation = await TestInstallation.make({
    PUBLIC_URL: 'http://tokens.localhost',
    DATABASE_URL: `mysql://tessera:control-password@127.0.0.1:${proxy.port}/control`,
  });
  const vault = new EmbeddedVault(installation.dataDirectory);
  await placeCredentials(vault, 'acme', { username: 'd_acme', password: 'd_acme-password' });
  await vault.close();
  const migrated = await installation.run(['migrate']);
  expect(`${migrated.code} ${migrated.stderr}`).toMatch(/^0/);
  const { secrets } = await installation.applied(tenantsFile());
  secret = secrets[0]!.secret_id;
  server = await startServer({ ...installation.env, TESSERA_GRANTS_CACHE_SECONDS: '0' }, installation.folder);
});
afterAll(async () => {
  await server?.end();
  await proxy?.close();
  await pair?.close();
  await installation?.remove();
});

afterEach(() => {
  proxy.switchTo(pair.primary.port);
});

it('serves again within 5 s of the new primary, issues no token without its record, and is not ready meanwhile', async () => {
  const load = startMints();
  try {
    await failOverUnder(load);
  } finally {
    await load.stop();
  }
  expect(new Set(load.statuses)).toEqual(new Set([200, 503]));
  const rows = await pair.primary.sql(`SELECT token_id FROM control.audit_records WHERE outcome = 'issued'`);
  const audited = new Set(rows.map((row) => row['token_id'] as string));
  expect(load.tokenIds.filter((id) => !audited.has(id))).toEqual([]);
  expect(await pair.primary.sql(`SELECT id FROM control.audit_records WHERE outcome = 'probe'`)).toEqual([]);
  const refusals = linesOf('request').filter(({ route, status }) => /generateToken/.test(route) && status === 503);
  expect([...new Set(refusals.map(({ reason }) => reason))]).toEqual(['control database: read only']);
  expect(linesOf('control_database_unavailable').map(({ reason }) => reason)).toEqual(['read only']);
  await eventually('the log says that it is over', () => linesOf('control_database_available').length === 1);
});

async function failOverUnder(load: ReturnType<typeof startMints>): Promise<void> {
  await eventually('tokens are made', () => load.statuses.filter((status) => status === 200).length > 50);
  await pair.primary.sql('SET GLOBAL read_only = 1');
  await eventually('no token is made', () => load.statuses.at(-1) === 503, 2000);
  await eventually('it is not ready', async () => (await ready()).status === 503, 2000);
  expect((await ready()).body['down']).toEqual(['control database', 'audit']);
  await delay(1000);

  const switched = pair.promote();
  proxy.switchTo(pair.replica.port);
  const promotedAt = await switched;
  await eventually('tokens are made by the new primary', () => load.lastSuccessAt() > promotedAt, RECOVERY_MS);
  const gapMs = load.lastSuccessAt() - promotedAt;
  await eventually('it is ready again', async () => (await ready()).status === 200, RECOVERY_MS);
  process.stdout.write(`failover: first token ${Math.round(gapMs)} ms after the new primary took writes\n`);
  await delay(500);
}

it('finds the new primary also without token requests, and keeps no connection to the old one', async () => {
  const token = (await mint()).body['access_token'] as string;
  const profile = () => fetch(`${server.url}/auth/user/profile`, { headers: { authorization: `Bearer ${token}` } });
  expect((await profile()).status).toBe(200);
  proxy.switchTo(pair.replica.port);
  await pair.promote();
  const revoked = await installation.run(['revoke', '--jti', decodeJwt(token).jti!, '--tenant', 'acme']);
  expect(`${revoked.code} ${revoked.stderr}`).toMatch(/^0/);
  await eventually('the revocation is felt', async () => (await profile()).status === 401, RECOVERY_MS);
  const left = () => pair.replica.sql(`SELECT id FROM information_schema.processlist WHERE user = 'tessera'`);
  await eventually('nothing is left at the old one', async () => (await left()).length === 0, RECOVERY_MS);
});

it('reads a tenant’s database from the new primary once its connections have reached their maximum age, without a failed read', async () => {
  const database = await openTenantDatabase(proxy.port, 'acme', {
    poolSize: 2,
    connectionMaxAgeMs: 500,
    schema: NO_ENTITIES,
  });
  const serverPort = async () => (await database.query('SELECT @@port AS port'))[0]?.['port'];
  try {
    expect(await serverPort()).toBe(pair.primary.port);
    proxy.switchTo(pair.replica.port);
    await pair.promote();
    await eventually('it reads from the new primary', async () => (await serverPort()) === pair.primary.port, 2000);
  } finally {
    await database.close();
  }
});

it('ends a command that held its lock on the old primary before it changes anything on the new one', async () => {
  const refused = withApplyLock(installation.config(), async (assertHeld) => {
    await assertHeld();
    proxy.switchTo(pair.replica.port);
    await pair.promote();
    await assertHeld();
  });
  await expect(refused).rejects.toThrow('no longer accepts writes');
});

it('prints the fix when a command runs against a replica', async () => {
  const replica = {
    ...installation.env,
    DATABASE_URL: `mysql://tessera:control-password@127.0.0.1:${pair.replica.port}/control`,
  };
  const onReplica = await TestInstallation.make(replica);
  const refused = await onReplica.run(['revoke', '--tenant', 'acme']);
  await onReplica.remove();
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('The server accepts no writes');
});

interface LogLine {
  readonly event: string;
  readonly route: string;
  readonly status: number;
  readonly reason: string;
}

function linesOf(event: string): LogLine[] {
  const lines = server
    .output()
    .split('\n')
    .filter((line) => line.includes(`"event":"${event}"`));
  return lines.map((line) => JSON.parse(line) as LogLine);
}

function ready(): Promise<Answer> {
  return fetch(`${server.url}/readyz`).then(readAnswer);
}

async function mint(): Promise<Answer> {
  const answer = await askForToken(server.url, secret);
  return readAnswer(answer);
}

/** Four callers that send requests continuously. */
function startMints() {
  const statuses: number[] = [];
  const tokenIds: string[] = [];
  let lastSuccessAt = 0;
  let isOver = false;
  const callers = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      const answer = await mint();
      statuses.push(answer.status);
      if (answer.status === 200) {
        lastSuccessAt = performance.now();
        tokenIds.push(decodeJwt(answer.body['access_token'] as string).jti!);
      }
      await delay(answer.status === 200 ? 2 : 20);
    }
  });
  return {
    statuses,
    tokenIds,
    lastSuccessAt: () => lastSuccessAt,
    stop: async () => {
      isOver = true;
      await Promise.all(callers);
    },
  };
}

function tenantsFile(): string {
  return `apiVersion: tessera/v1
tenants:
  - id: acme
    database: { driver: mysql, host: 127.0.0.1, port: ${proxy.port}, name: d_acme }
    projects:
      - id: shop
        clients:
          - { id: web, surfaces: [admin, user], scopes: unbounded, subjects: any }
    scopes:
      - { name: "orders:read", resource: orders }
    roles:
      - { name: reader, scopes: ["orders:read"] }
    users:
      - { id: u-ada, email: ada@acme.example, roles: [reader] }
`;
}
