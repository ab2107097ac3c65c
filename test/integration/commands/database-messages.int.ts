import { eventually } from '../../../libs/token/test/eventually.ts';
import { createConnection } from 'mysql2/promise';
import { setTimeout as delay } from 'node:timers/promises';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';
import { type MysqlInstallation, mysqlInstallation } from '../../support/tessera/mysql-installation.ts';
import { freePort } from '../../support/servers/process.ts';
import { replaceOnce } from '../../../libs/token/test/replace-once.ts';

/** The messages for an operator when a database fails: the reason, the place, and one fix. */
let server: RunningMariaDb;
let installation: MysqlInstallation;
let url: string;
beforeAll(async () => {
  server = await startMariaDb();
  installation = await mysqlInstallation(server, 'said', { TESSERA_DANGEROUSLY_ALLOW_PLAINTEXT_DATABASE: 'true' });
  url = installation.env['DATABASE_URL']!;
  await installation.apply(tenantsFile());
});
afterAll(async () => {
  await installation.close();
  await server.close();
});

const tenantsFile = (host = '127.0.0.1', port = server.port) => `apiVersion: tessera/v1
tenants:
  - id: acme
    database: { driver: mysql, host: ${host}, port: ${port}, name: ${installation.directory} }
    projects:
      - { id: shop, clients: [{ id: web, surfaces: [user], scopes: unbounded, subjects: any }] }
    users:
      - { id: u-ada, email: ada@acme.example }
`;

/** The output of a failing command. Fails if it contains a meaningless phrase. */
async function said(
  args: readonly string[],
  changes: Readonly<Record<string, string>> = {},
  stdin = '',
): Promise<string> {
  const { code, stderr } = await installation.run(args, stdin, changes);
  expect(code).toBe(1);
  expect(stderr).not.toMatch(/query failed|Unexpected failure|not current|password\b.*-password/i);
  return stderr.trim();
}

async function within(globals: readonly string[], reset: readonly string[], work: () => Promise<void>): Promise<void> {
  await server.sql(...globals);
  try {
    await work();
  } finally {
    await server.sql(...reset);
  }
}

describe('the control database, by the command line', () => {
  it('whose host has no address', async () => {
    const message = await said(['export'], { DATABASE_URL: replaceOnce(url, '127.0.0.1', 'no-such-host.invalid') });
    expect(message).toMatch(/^Control database: unknown host \(.* on no-such-host\.invalid:\d+\)\. .*DATABASE_URL/);
    expect(message).not.toContain('refused');
  });

  it('where nothing listens', async () => {
    const port = await freePort();
    const message = await said(['export'], { DATABASE_URL: replaceOnce(url, `:${server.port}/`, `:${port}/`) });
    expect(message).toMatch(
      new RegExp(`^Control database: connection refused .*Nothing listens on 127.0.0.1:${port}: .*DATABASE_URL`),
    );
  });

  it('that refuses the password names user and host, and the anonymous user that may be in the way', async () => {
    const message = await said(['export'], { DATABASE_URL: replaceOnce(url, 'c_said-password', 'wrong') });
    expect(message).toMatch(/^Control database: access denied \(user 'c_said'@'127\.0\.0\.1', database c_said on /);
    expect(message).toMatch(/DATABASE_URL/);
    expect(message).toMatch(/anonymous user.*DROP USER ''@'localhost'/);
    expect(message).not.toMatch(/Vault/);
  });

  it('that has no free connection', async () => {
    const account = { user: 'd_said', password: 'd_said-password' };
    const held = await Promise.all(
      Array.from({ length: 10 }, () => createConnection({ host: '127.0.0.1', port: server.port, ...account })),
    );
    await within(['SET GLOBAL max_connections = 10'], ['SET GLOBAL max_connections = 150'], async () => {
      try {
        const message = await said(['export']);
        expect(message).toMatch(/^Control database: out of connections .*raise max_connections.*CONTROL_POOL_SIZE/);
        expect(message).not.toMatch(/DATABASE_URL/);
      } finally {
        // The server accepts one more only after it has noticed that these are closed.
        await Promise.all(held.map((connection) => connection.end()));
        await delay(200);
      }
    });
  });

  it('whose user has no free connection', async () => {
    const limit = (count: number) => `ALTER USER c_said WITH MAX_USER_CONNECTIONS ${count}`;
    await within([limit(1)], [limit(0)], async () => {
      const account = { user: 'c_said', password: 'c_said-password' };
      const held = await createConnection({ host: '127.0.0.1', port: server.port, ...account });
      try {
        expect(await said(['export'])).toMatch(/out of connections of the user .*MAX_USER_CONNECTIONS/);
      } finally {
        held.destroy();
      }
    });
  });

  it('that does not exist', async () => {
    await within(['GRANT ALL ON `absent`.* TO c_said'], ['REVOKE ALL ON `absent`.* FROM c_said'], async () => {
      expect(await said(['migrate'], { DATABASE_URL: replaceOnce(url, /c_said$/, 'absent') })).toMatch(
        /^Control database: database does not exist .*CREATE DATABASE `absent`/,
      );
    });
  });

  it('that its user may not see', async () => {
    expect(await said(['migrate'], { DATABASE_URL: replaceOnce(url, /c_said$/, 'd_said') })).toMatch(
      /^Control database: no access to the database .*GRANT ALL PRIVILEGES ON `d_said`\.\* TO 'c_said'@'%'/,
    );
  });

  it('whose user may only read it', async () => {
    await server.sql("CREATE USER reader IDENTIFIED BY 'reader'", 'GRANT SELECT ON c_said.* TO reader');
    const DATABASE_URL = replaceOnce(url, 'c_said:c_said-password', 'reader:reader');
    const file = replaceOnce(tenantsFile(), 'id: acme', 'id: acme\n    name: Other');
    expect(await said(['apply', '-f', '-'], { DATABASE_URL }, file)).toMatch(
      /Control database: permission is missing \(.*'reader'@'127\.0\.0\.1'.*perhaps only SELECT.*GRANT ALL PRIVILEGES ON `c_said`\.\* TO 'reader'@'%'/,
    );
  });

  it('whose init_connect fails', async () => {
    await within(["SET GLOBAL init_connect='SELECT nonsense'"], ["SET GLOBAL init_connect=''"], async () => {
      expect(await said(['export'])).toMatch(/^Control database: init_connect failed .*SET GLOBAL init_connect = ''/);
      const file = tenantsFile();
      expect(await said(['apply', '-f', '-'], {}, file)).toMatch(/init_connect failed/);
    });
  });

  it.each([
    [
      'max_prepared_stmt_count=0',
      'max_prepared_stmt_count=16382',
      /out of prepared statements .*max_prepared_stmt_count/,
    ],
    ['read_only=1', 'read_only=0', /(?:accepts no|no longer accepts) writes.*DATABASE_URL lead to the primary/],
  ])('with %s', async (global, reset, message) => {
    await within([`SET GLOBAL ${global}`], [`SET GLOBAL ${reset}`], async () => {
      const file = replaceOnce(tenantsFile(), 'id: acme', `id: acme\n    name: ${global}`);
      expect(await said(['apply', '-f', '-'], {}, file)).toMatch(message);
    });
  });
});

describe("a tenant's database, by the command line", () => {
  afterEach(() => installation.placeCredentials('d_said', 'd_said-password'));

  it.each([
    ['apply', ['apply', '-f', '-']],
    ['export', ['export']],
    ['migrate', ['migrate']],
    ['revoke', ['revoke', '--subject', 'acme/u-ada']],
  ] as const)(
    'that refuses the password: %s names the tenant, the user, the host and where to look',
    async (_, args) => {
      await installation.placeCredentials('d_said', 'wrong');
      const message = await said(args, {}, tenantsFile());
      expect(message).toMatch(
        /Tenant database: access denied \(tenant acme, user 'd_said'@'127\.0\.0\.1', database d_said/,
      );
      expect(message).toMatch(/Vault at database\/acme.*anonymous user/);
    },
  );

  it('whose user may only read it', async () => {
    await server.sql("CREATE USER tenant_reader IDENTIFIED BY 'reader'", 'GRANT SELECT ON d_said.* TO tenant_reader');
    await installation.placeCredentials('tenant_reader', 'reader');
    const file = replaceOnce(tenantsFile(), 'u-ada, email: ada@', 'u-ada, email: ada.b@');
    const message = await said(['apply', '-f', '-'], {}, file);
    expect(message).toMatch(/Tenant database: permission is missing \(tenant acme, user 'tenant_reader'@/);
    expect(message).toMatch(/GRANT ALL PRIVILEGES ON `d_said`\.\* TO 'tenant_reader'@'%'/);
  });

  it('whose host has no address', async () => {
    expect(await said(['apply', '-f', '-'], {}, tenantsFile('no-such-host.invalid'))).toMatch(
      /Tenant database: unknown host \(tenant acme, .*no-such-host\.invalid.*`database` of tenant acme in the tenants file/,
    );
  });

  it('of another tenant', async () => {
    await within(
      ["UPDATE d_said.tessera_owner SET tenant_id = 'globex'"],
      ["UPDATE d_said.tessera_owner SET tenant_id = 'acme'"],
      async () => {
        expect(await said(['export'])).toMatch(/Tenant database: belongs to another tenant \(tenant acme\)\. /);
      },
    );
  });
});

describe('a server process', () => {
  it.each([
    ['wrong password', (good: string) => replaceOnce(good, 'c_said-password', 'wrong'), 'access denied', /DROP USER/],
    [
      'unknown host',
      (good: string) => replaceOnce(good, '127.0.0.1', 'no-such-host.invalid'),
      'unknown host',
      /no-such-host/,
    ],
  ] as const)('that starts with a %s says so once, with the fix', async (_, changed, reason, fix) => {
    const service = await installation.start({ DATABASE_URL: changed(url) });
    try {
      expect((await service.get('/readyz')).status).toBe(503);
      const lines = () => linesOf(service.log(), 'control_database_unavailable');
      await eventually('it says so', async () => Promise.resolve(lines().length > 0));
      expect(lines()).toHaveLength(1);
      expect(lines()[0]).toMatchObject({ reason, fix: expect.stringMatching(fix) as string });
      expect(service.log()).not.toContain('c_said-password');
    } finally {
      await service.close();
    }
  });

  it('names the tenant whose database fails, and reveals nothing to callers', async () => {
    await installation.placeCredentials('d_said', 'wrong');
    const service = await installation.start();
    try {
      const answer = await service.mint();
      expect(answer.refusal()).toMatchObject({ status: 503 });
      expect(answer.text).not.toMatch(/acme|denied|d_said/);
      expect(linesOf(service.log(), 'request').at(-1)).toMatchObject({
        reason: 'tenant database: access denied',
        tenant_id: 'acme',
      });
    } finally {
      await service.close();
      await installation.placeCredentials('d_said', 'd_said-password');
    }
  });
});

function linesOf(log: string, event: string): Record<string, unknown>[] {
  return log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line['event'] === event);
}
