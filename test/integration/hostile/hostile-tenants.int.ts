import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedVault } from '../../../src/vault/embedded/embedded-vault.ts';
import { TestInstallation } from '../../e2e/cli/installation.ts';
import { type Answer, readAnswer } from '../../support/requests/answer.ts';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';
import { placeCredentials } from '../../support/fixtures/mysql-config.ts';
import { type ServerProcess, startServer } from '../../support/tessera/server-process.ts';
import { builtProgram } from '../../support/tessera/built-program.ts';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { startStopwatch } from '../../../libs/token/test/stopwatch.ts';

const TENANTS = ['acme', 'globex'] as const;
type TenantName = (typeof TENANTS)[number];

/** Connections of the process to one tenant. */
const LIMIT = 4;
const MAX_GROWTH_MB = 60;
/** Escape, line break, C1, bidi override, isolate, line separator, zero-width space, tag. */
const EVIL = 'x\u001b[2K\r\n\u009b1A\u202e\u2066\u2028\u200b\u{e0041}';
const VISIBLE = 'x\\u001b[2K\\r\\n\\u009b1A\\u202e\\u2066\\u2028\\u200b\\u{e0041}';

let mariadb: RunningMariaDb;
let installation: TestInstallation;
let secrets: ReadonlyMap<string, string>;
let server: ServerProcess;
/** Cleanup functions of everything that was started, the last one first. */
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  mariadb = await startMariaDb();
  ends.unshift(() => mariadb.close());
  await mariadb.sql('CREATE DATABASE control CHARACTER SET utf8mb4');
  installation = await TestInstallation.make({
    DATABASE_URL: mariadb.url('control'),
    PUBLIC_URL: 'http://tokens.localhost',
    TESSERA_TENANT_CONNECTIONS: '8',
    TESSERA_TENANT_CONNECTIONS_EACH: String(LIMIT),
    TESSERA_GRANTS_CACHE_SECONDS: '0',
    TESSERA_FAILURES_PER_MINUTE: '100000',
  });
  ends.unshift(() => installation.remove());
  const vault = new EmbeddedVault(installation.dataDirectory);
  for (const tenant of TENANTS) {
    await mariadb.createTenantDatabase(tenant);
    await placeCredentials(vault, tenant, { username: tenant, password: `${tenant}-password` });
  }
  await vault.close();
  const applied = await installation.applied(file());
  secrets = new Map(applied.secrets.map(({ tenant_id: tenant, secret_id: secret }) => [tenant, secret]));
  server = await startServer(installation.env, installation.folder);
  ends.unshift(() => server.end());
});
afterAll(async () => {
  for (const end of ends) await end();
});

function file(role = 'reader'): string {
  const tenant = (id: string) => `  - id: ${id}
    database: { driver: mysql, host: 127.0.0.1, port: ${mariadb.port}, name: ${id} }
    projects:
      - { id: shop, clients: [{ id: web, surfaces: [user], scopes: unbounded, subjects: any }] }
    roles:
      - { name: ${role}, scopes: [] }
    users:
      - { id: u-ada, email: ada@${id}.example, roles: [${role}] }
      - { id: u-eve, email: eve@${id}.example }
`;
  return `apiVersion: tessera/v1\ntenants:\n${TENANTS.map(tenant).join('')}`;
}

async function mint(tenant: TenantName, person = 'ada'): Promise<Answer & { readonly ms: number }> {
  const stopwatch = startStopwatch();
  const response = await fetch(`${server.url}/auth/user/generateToken`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      tenant_id: tenant,
      project_id: 'shop',
      client_id: 'web',
      email_id: `${person}@${tenant}.example`,
      secret_id: secrets.get(tenant),
    }),
    signal: AbortSignal.timeout(60_000),
  });
  return { ...(await readAnswer(response)), ms: stopwatch.stop() };
}

/** The peak memory of the server process, MB. */
async function peakMemory(): Promise<number> {
  const status = await readFile(`/proc/${server.pid}/status`, 'latin1');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}

/** The recorded reasons of refusals in the log from that position on. */
function reasonsSince(start: number): Set<unknown> {
  const lines = server
    .output()
    .slice(start)
    .split('\n')
    .filter((line) => line.includes('"reason"'));
  return new Set(lines.map((line) => (JSON.parse(line) as { reason: unknown }).reason));
}

async function connectionsOf(tenant: TenantName): Promise<number> {
  const [row] = await mariadb.sql(
    // While a function runs, the server shows the function's owner as the user.
    `SELECT COUNT(*) AS open FROM information_schema.PROCESSLIST WHERE USER = '${tenant}' OR DB = '${tenant}'`,
  );
  return Number(row?.['open']);
}

async function tenantConnections(state: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(new RegExp(`^tessera_tenant_connections\\{state="${state}"\\} (\\d+)`, 'm').exec(text)?.[1]);
}

/** The command as a separate process with little memory. */
async function runCommand(args: readonly string[], stdin = ''): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, ['--max-old-space-size=400', builtProgram('cli'), ...args], {
    cwd: installation.folder,
    env: { PATH: process.env['PATH'], ...installation.env },
  });
  const written = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (written.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (written.err += text));
  child.stdin.end(stdin);
  const [code] = await once(child, 'close');
  return { code: code as number, ...written };
}

/** So many users, a hundred at a time. 500 take some seconds. */
async function attack(count: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  const users = Array.from({ length: count }, (_, number) => `p${number}`).values();
  await Promise.all(
    Array.from({ length: 100 }, async () => {
      for (const user of users) answers.push(await mint('acme', user));
    }),
  );
  return answers;
}

const sqlIn = (tenant: TenantName, ...statements: readonly string[]) => mariadb.sql(`USE ${tenant}`, ...statements);

describe('a directory with a 4 MB e-mail address and 1,300 scopes', () => {
  beforeAll(async () => {
    for (let count = 0; count < 20; count += 1) expect((await mint('acme')).status).toBe(200);
    await sqlIn(
      'acme',
      'ALTER TABLE tessera_users MODIFY email LONGTEXT CHARACTER SET ascii',
      `UPDATE tessera_users SET email = REPEAT('a', ${4 * 1024 * 1024}) WHERE id = 'u-eve'`,
      "INSERT INTO tessera_scopes (name) SELECT CONCAT('s', seq) FROM seq_1_to_1300",
      "INSERT INTO tessera_roles (name) VALUES ('all')",
      "INSERT INTO tessera_role_scopes SELECT 'all', name FROM tessera_scopes",
      "INSERT INTO tessera_user_roles VALUES ('u-eve', 'all')",
    );
  });
  afterAll(() =>
    sqlIn(
      'acme',
      "DELETE FROM tessera_roles WHERE name = 'all'",
      'DELETE FROM tessera_scopes',
      "UPDATE tessera_users SET email = 'eve@acme.example' WHERE id = 'u-eve'",
      'ALTER TABLE tessera_users MODIFY email VARCHAR(254) CHARACTER SET ascii COLLATE ascii_bin NOT NULL',
    ),
  );

  it('is a 503 that needs little memory, however many requests arrive, and others are not affected', async () => {
    const before = await peakMemory();
    const refused = Promise.all(Array.from({ length: 40 }, () => mint('acme', 'eve')));
    for (let count = 0; count < 20; count += 1) {
      const { status, ms } = await mint('globex');
      expect(status).toBe(200);
      expect(ms).toBeLessThan(3000);
    }
    for (const { status, ms } of await refused) {
      expect(status).toBe(503);
      expect(ms).toBeLessThan(3500);
    }
    const growth = (await peakMemory()) - before;
    console.info(`4 MB attack: ${growth.toFixed(1)} MB more at the most`);
    expect(growth).toBeLessThanOrEqual(MAX_GROWTH_MB);
    expect((await mint('acme')).status).toBe(200);
    expect(server.output()).toContain('tenant database: holds a value that is too long');
  });

  it('fails in apply for its tenant only, whose error names it', async () => {
    const { code, out, err } = await runCommand(['apply', '-f', '-'], file('reader2'));
    expect(out).toContain('+ create role globex/reader2');
    expect(err).toContain('tenant "acme" was not finished: ');
    expect(err).toContain('a value that is too long');
    expect(code).toBe(1);
  });

  it('stops an export with an error that names the tenant', async () => {
    const { code, err } = await runCommand(['export']);
    expect(code).toBe(1);
    expect(err).toMatch(/acme/);
    expect(err).toContain('a value that is too long');
  });
});

describe('an endless view', () => {
  beforeAll(() =>
    sqlIn(
      'acme',
      'RENAME TABLE tessera_users TO tessera_users_real',
      // A million users with one address, with no value that is too long.
      `CREATE VIEW tessera_users AS SELECT CONVERT(LPAD(seq, 128, 'u') USING ascii) COLLATE ascii_bin AS id, REPEAT('e', 254) AS email,
         CONVERT('ada@acme.example' USING ascii) COLLATE ascii_bin AS email_canonical, 'active' AS status FROM seq_1_to_1000000`,
    ),
  );
  afterAll(() => sqlIn('acme', 'DROP VIEW tessera_users', 'RENAME TABLE tessera_users_real TO tessera_users'));

  it('is cut off while the response is read', async () => {
    const before = await peakMemory();
    const start = server.output().length;
    const refused = await Promise.all(Array.from({ length: 12 }, () => mint('acme')));
    for (const { status } of refused) expect(status).toBe(503);
    await eventually('the log says why', () => reasonsSince(start).has('tenant database: answer is too large'));
    const growth = (await peakMemory()) - before;
    console.info(`view without end: ${growth.toFixed(1)} MB more at the most`);
    expect(growth).toBeLessThanOrEqual(MAX_GROWTH_MB);
    expect((await mint('globex')).status).toBe(200);
  });
});

describe('a view that sleeps', () => {
  const asleep = async (view: string) => {
    await sqlIn('acme', 'RENAME TABLE tessera_users TO tessera_users_real', view);
  };
  afterEach(() => sqlIn('acme', 'DROP VIEW tessera_users', 'RENAME TABLE tessera_users_real TO tessera_users'));

  it.each([
    [
      'by itself',
      500,
      ['CREATE VIEW tessera_users AS SELECT u.* FROM tessera_users_real u JOIN (SELECT SLEEP(600)) AS nap'],
    ],
    [
      'in a function that lifts every limit of time',
      200,
      [
        `CREATE OR REPLACE FUNCTION nap() RETURNS INT NOT DETERMINISTIC BEGIN
           SET SESSION max_statement_time = 0; RETURN SLEEP(600); END`,
        'CREATE VIEW tessera_users AS SELECT u.* FROM tessera_users_real u WHERE nap() = 0',
      ],
    ],
  ])('holds no more connections than its limit: %s', async (_, callers, statements) => {
    for (const statement of statements.slice(0, -1)) await sqlIn('acme', statement);
    await asleep(statements.at(-1)!);
    const before = server.output().length;
    let most = 0;
    let isOver = false;
    const watch = (async () => {
      while (!isOver) {
        most = Math.max(most, await connectionsOf('acme'));
        await delay(50);
      }
    })();
    const others = (async () => {
      let slowestMs = 0;
      while (!isOver) {
        const { status, ms } = await mint('globex');
        expect(status).toBe(200);
        slowestMs = Math.max(slowestMs, ms);
      }
      return slowestMs;
    })();
    const refused = await attack(callers);
    // The watch goes on while the server ends the statements.
    await delay(2000);
    isOver = true;
    const [slowestMs] = await Promise.all([others, watch]);
    console.info(`SLEEP attack: the slowest request of another tenant took ${Math.round(slowestMs)} ms`);
    for (const { status } of refused) expect(status).toBe(503);
    expect([...reasonsSince(before)]).toEqual(
      expect.arrayContaining(['tenant database: no answer in time', 'tenant database: out of connections']),
    );
    const left = await connectionsOf('acme');
    console.info(`SLEEP attack: ${most} connections at the most, ${left} after 2 s`);
    // One more connection kills abandoned statements on the server.
    expect(most).toBeLessThanOrEqual(LIMIT + 1);
    expect(left).toBeLessThanOrEqual(LIMIT);
    const working = () =>
      mariadb.sql("SELECT * FROM information_schema.PROCESSLIST WHERE DB = 'acme' AND INFO LIKE '%users%'");
    await eventually('no statement is left', async () => (await working()).length === 0);
    await eventually('no lease is left', async () => (await tenantConnections('leases')) === 0);
  });

  it('counts as leased until the server has closed it', async () => {
    await asleep('CREATE VIEW tessera_users AS SELECT u.* FROM tessera_users_real u JOIN (SELECT SLEEP(600)) AS nap');
    const refused = Promise.all(Array.from({ length: 8 }, (__, number) => mint('acme', `q${number}`)));
    await eventually('all leases are taken', async () => (await tenantConnections('leases')) === LIMIT);
    await refused;
    // No lease is free while the server still executes its statement.
    for (let look = 0; look < 20; look += 1) {
      const leases = await tenantConnections('leases');
      const [row] = await mariadb.sql(
        "SELECT COUNT(*) AS working FROM information_schema.PROCESSLIST WHERE DB = 'acme' AND INFO LIKE '%users%'",
      );
      expect(Number(row?.['working'])).toBeLessThanOrEqual(leases);
      if (leases === 0) break;
      await delay(20);
    }
  });
});

describe('names with terminal control characters', () => {
  beforeAll(() =>
    sqlIn(
      'globex',
      'RENAME TABLE tessera_roles TO roles_real',
      `CREATE VIEW tessera_roles AS SELECT name FROM roles_real
         UNION ALL SELECT CONVERT(X'${Buffer.from(EVIL).toString('hex')}' USING utf8mb4)`,
    ),
  );
  afterAll(() => sqlIn('globex', 'DROP VIEW tessera_roles', 'RENAME TABLE roles_real TO tessera_roles'));

  it('are printed escaped in a plan', async () => {
    const { stdout } = await installation.apply(file('reader2'), '--dry-run', '--prune');
    expect(stdout).toContain(`- remove role globex/${VISIBLE}\n`);
    // Nothing is left that a terminal interprets.
    expect(stdout).not.toMatch(/[^\n\P{C}]|[\u2028\u2029]/u);
  });

  it('are escaped in JSON, and parse to the same text', async () => {
    const { stdout } = await installation.apply(file('reader2'), '--dry-run', '--prune', '--output', 'json');
    expect(stdout).not.toMatch(/[^\n\P{C}]|[\u2028\u2029]/u);
    expect((JSON.parse(stdout) as { changes: unknown }).changes).toContainEqual({
      action: 'remove',
      kind: 'role',
      id: `globex/${EVIL}`,
      fields: [expect.objectContaining({ field: 'scopes', to: null })],
    });
  });
});
