import { findGrantsById, findGrantsByIdentity } from '../../../src/directory/grants-query.ts';
import { DirectoryOpener } from '../../../src/directory/provisioning/directory.opener.ts';
import { storageConfig, storedTenant } from '../../../src/testing/storage.ts';
import { EmbeddedVault } from '../../../src/vault/embedded/embedded-vault.ts';
import { TestInstallation } from '../../e2e/cli/installation.ts';
import { type Answer, readAnswer } from '../../support/requests/answer.ts';
import { codeBlocks, readPage } from '../../support/fixtures/markdown.ts';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';
import { placeCredentials } from '../../support/fixtures/mysql-config.ts';
import { type ServerProcess, startServer } from '../../support/tessera/server-process.ts';
import { askForToken } from '../../support/requests/generate-token.ts';
import { eventually } from '../../../libs/token/test/eventually.ts';

/** The statements of docs/directory.md, as its reader runs them. */
const statements = codeBlocks(readPage('docs/directory.md'))
  .filter(({ language }) => language === 'sql')
  .flatMap(({ code }) => code.split(/;\s*$/m))
  .map((statement) => statement.trim())
  .filter((statement) => statement !== '');
const matching = (pattern: RegExp) => statements.filter((statement) => pattern.test(statement));
const TABLES = matching(/^CREATE TABLE/);
const VIEWS = matching(/^CREATE VIEW/);
const READER = matching(/^(?:CREATE USER|GRANT)/);
const viewOf = (name: string) => VIEWS.find((statement) => statement.startsWith(`CREATE VIEW ${name} `))!;

let mariadb: RunningMariaDb;
let installation: TestInstallation;
let server: ServerProcess;
let secret = '';
const ends: (() => Promise<unknown>)[] = [];

const inShop = (...sql: readonly string[]) => mariadb.sql('USE shop', ...sql);
const file = (more = '') => `apiVersion: tessera/v1
tenants:
  - id: acme
    database: { driver: mysql, host: 127.0.0.1, port: ${mariadb.port}, name: shop }
    directory: external
    projects:
      - { id: shop, clients: [{ id: web, surfaces: [user], scopes: unbounded, subjects: any }] }
    admins:
      - { id: '4', email: root@acme.example }
${more}`;

beforeAll(async () => {
  mariadb = await startMariaDb({
    serverOptions: ['--character-set-server=utf8mb4', '--collation-server=utf8mb4_general_ci'],
  });
  ends.unshift(() => mariadb.close());
  await mariadb.sql('CREATE DATABASE control CHARACTER SET utf8mb4', 'CREATE DATABASE shop');
  await inShop(
    ...TABLES,
    "INSERT INTO users (email, password_digest) VALUES ('Ada@Acme.example', 'x'), ('bob@acme.example', 'x'), ('eve@acme.example', 'x'), ('dan@acme.example', 'x')",
    "INSERT INTO roles (name) VALUES ('manager'), ('viewer'), ('guest')",
    'INSERT INTO user_roles (user_id, role_id) VALUES (1, 1), (2, 2), (2, 3)',
    ...VIEWS,
    ...READER,
  );
  installation = await TestInstallation.make({
    DATABASE_URL: mariadb.url('control'),
    PUBLIC_URL: 'http://tokens.localhost',
    TESSERA_GRANTS_CACHE_SECONDS: '0',
    TESSERA_FAILURES_PER_MINUTE: '100000',
  });
  ends.unshift(() => installation.remove());
  const vault = new EmbeddedVault(installation.dataDirectory);
  await placeCredentials(vault, 'acme', { username: 'tessera_reader', password: 'change-me' });
  await vault.close();
});
afterAll(async () => {
  for (const end of ends) await end();
});

async function mint(email: string): Promise<Answer> {
  return readAnswer(await askForToken(server.url, secret, { email, signal: AbortSignal.timeout(60_000) }));
}

async function claimsOf(email: string): Promise<Record<string, unknown>> {
  const answer = await mint(email);
  expect(answer.status).toBe(200);
  const [, payload = ''] = (answer.body as { access_token: string }).access_token.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
}

/** Everything in the application's database, as its server describes it and as it is stored. */
async function fingerprint(): Promise<unknown> {
  const described = await mariadb.sql(
    "SELECT table_name, column_name, column_type, collation_name, is_nullable FROM information_schema.columns WHERE table_schema = 'shop' ORDER BY 1, 2",
  );
  const views = await mariadb.sql(
    "SELECT table_name, MD5(view_definition) AS digest FROM information_schema.views WHERE table_schema = 'shop' ORDER BY 1",
  );
  const tables = await inShop('CHECKSUM TABLE users, roles, user_roles');
  return { described, views, tables };
}

it('takes views over the tables of an application from the documentation, with a user that may only read them', async () => {
  expect([TABLES.length, VIEWS.length, READER.length]).toEqual([3, 6, 7]);
  const before = await fingerprint();
  expect(await installation.apply(file(), '--dry-run')).toMatchObject({ code: 0, stderr: '' });
  const { secrets } = await installation.applied(file());
  secret = secrets[0]!.secret_id;
  expect((await installation.apply(file())).stdout).toContain('Nothing to change.');
  expect((await installation.run(['export'])).stdout).toMatch(/directory: external(?!.*users:)/s);
  expect(await installation.run(['migrate'])).toMatchObject({ code: 0, stdout: 'Every schema is current.\n' });
  server = await startServer(installation.env, installation.folder);
  ends.unshift(() => server.end());
  expect(await claimsOf('ada@acme.example')).toMatchObject({
    sub: '1',
    roles: ['manager'],
    scope: 'orders:read orders:write',
  });
  expect(await fingerprint()).toEqual(before);
});

it('takes names of roles byte by byte, and one that no view gives scopes has none', async () => {
  expect(await claimsOf('bob@acme.example')).toMatchObject({ roles: ['guest', 'viewer'], scope: 'orders:read' });
  // The collation takes both as the role viewer.
  await inShop("CREATE OR REPLACE VIEW tessera_user_roles AS SELECT 3 AS user_id, 'Viewer ' AS role_name");
  expect(await claimsOf('eve@acme.example')).not.toHaveProperty('scope', 'orders:read');
  await inShop(viewOf('tessera_user_roles').replace('CREATE VIEW', 'CREATE OR REPLACE VIEW'));
});

it('tells people apart whatever the collation takes as equal', async () => {
  await inShop("INSERT INTO users (id, email, password_digest) VALUES (20, 'kím@acme.example', 'x')");
  expect((await mint('kim@acme.example')).status).toBe(401);
  await inShop('DELETE FROM users WHERE id = 20');
});

it('refuses a user with the id of an administrator', async () => {
  expect((await mint('dan@acme.example')).status).toBe(401);
});

it('sees at once what the application changes: a disabled user, and one without a role', async () => {
  await inShop('UPDATE users SET is_active = 0 WHERE id = 2', 'DELETE FROM user_roles WHERE user_id = 1');
  expect((await mint('bob@acme.example')).status).toBe(401);
  expect(await claimsOf('ada@acme.example')).toMatchObject({ roles: [] });
  await inShop(
    'UPDATE users SET is_active = 1 WHERE id = 2',
    'INSERT INTO user_roles (user_id, role_id) VALUES (1, 1)',
  );
});

it('shows users to commands, and revokes by address', async () => {
  const listed = await installation.run(['users', 'list', 'acme', '-o', 'json']);
  expect(listed).toMatchObject({ code: 0 });
  const { users } = JSON.parse(listed.stdout) as { users: { id: string }[] };
  expect(users.map(({ id }) => id)).toEqual(['1', '2', '3', '4']);
  expect(await installation.run(['revoke', '--subject', 'acme/ADA@acme.example'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('subject 1'),
  });
  expect(await installation.run(['users', 'disable', 'acme/1'])).toMatchObject({ code: 1 });
});

/** As in the documentation: a text of a view has the collation of the session that made it. */
const [, ISSUER_COLUMN = ''] =
  /SELECT (CONVERT\('https:\/\/login\.example\.com'.* AS issuer)/.exec(readPage('docs/directory.md')) ?? [];

it('finds linked accounts of any script, whatever the character set of the column is, and users by id', async () => {
  const vault = new EmbeddedVault(installation.dataDirectory);
  const issuer = 'https://login.example.com';
  const database = { driver: 'mysql', host: '127.0.0.1', port: mariadb.port, name: 'shop' } as const;
  const tenant = storedTenant('acme', { database, directory: 'external' });
  for (const characterSet of ['latin1', 'ascii', 'utf8mb3', 'utf8mb4']) {
    const column = (text: string) => `CONVERT('${text}' USING ${characterSet})`;
    await inShop(
      `CREATE TABLE accounts (sub varchar(255) CHARACTER SET ${characterSet}, user_id bigint)`,
      `INSERT INTO accounts VALUES (${column('grace')}, 1)`,
      ...(characterSet === 'ascii' ? [] : [`INSERT INTO accounts VALUES (${column('gr\u00e2ce')}, 2)`]),
      `CREATE VIEW tessera_user_identities AS SELECT ${ISSUER_COLUMN}, sub, user_id FROM accounts`,
      "GRANT SELECT ON shop.tessera_user_identities TO 'tessera_reader'@'%'",
    );
    const directory = (await new DirectoryOpener(storageConfig(installation.dataDirectory), vault).openForReading(
      tenant,
    ))!;
    const idOf = async (sub: string) => (await findGrantsByIdentity(directory, tenant.id, issuer, sub))?.id;
    expect(await idOf('grace')).toBe('1');
    expect(await idOf('gr\u00e2ce')).toBe(characterSet === 'ascii' ? undefined : '2');
    for (const other of ['gra\u0302ce', 'Grace', 'grace ', '\u{1f600}', '\u4e2d'])
      expect(await idOf(other)).toBeUndefined();
    expect((await findGrantsById(directory, tenant.id, '2'))?.email).toBe('bob@acme.example');
    for (const id of ['02', '2 ', '2.0', '2x', 'u-deploy', '99'])
      expect(await findGrantsById(directory, tenant.id, id)).toBeUndefined();
    await directory.close();
    await inShop('DROP VIEW tessera_user_identities', 'DROP TABLE accounts');
  }
  await vault.close();
});

it('refuses users in the file', async () => {
  const { code, stderr } = await installation.apply(file('    users: []\n'));
  expect(code).toBe(1);
  expect(stderr).toContain('remove "users" here');
});

const alone = 'FROM users WHERE id = 2';
const bad: [string, string, string, RegExp][] = [
  ['a missing column', 'tessera_users', 'SELECT id, email FROM users', /the view tessera_users has no column status/],
  [
    'a wrong type',
    'tessera_users',
    `SELECT id, email, 1 AS status FROM users`,
    /the column status of tessera_users has the type (?:big)?int: it must be a text/,
  ],
  [
    'ids of another kind in a link',
    'tessera_user_roles',
    "SELECT CONCAT(user_id, ' or so') AS user_id, 'manager' AS role_name FROM user_roles",
    /the column user_id of tessera_user_roles must be an integer/,
  ],
  [
    'an id with a fraction',
    'tessera_users',
    "SELECT id + 0.5 AS id, email, 'active' AS status FROM users",
    /id of tessera_users has the type decimal/,
  ],
  [
    'an unknown version',
    'tessera_directory',
    "SELECT 'acme' AS tenant_id, 2 AS version",
    /tessera_directory must have one row/,
  ],
  ['another tenant', 'tessera_directory', "SELECT 'globex' AS tenant_id, 1 AS version", /belongs to another tenant/],
  [
    'no row of a tenant',
    'tessera_directory',
    "SELECT 'acme' AS tenant_id, 1 AS version FROM users WHERE id = 0",
    /belongs to no tenant/,
  ],
];
const hostile: [string, string, string, number][] = [
  ['a status that is not documented', 'tessera_users', `SELECT id, email, 'ACTIVE' AS status ${alone}`, 401],
  ['a status that is NULL', 'tessera_users', `SELECT id, email, CAST(NULL AS CHAR) AS status ${alone}`, 401],
  ['an id that is NULL', 'tessera_users', `SELECT NULLIF(id, 2) AS id, email, 'active' AS status ${alone}`, 503],
  [
    'a user twice',
    'tessera_users',
    `SELECT id, email, 'active' AS status ${alone} UNION ALL SELECT id, email, 'active' ${alone}`,
    503,
  ],
  [
    'one address for two',
    'tessera_users',
    `SELECT id, email, 'active' AS status ${alone} UNION ALL SELECT 3, 'BOB@ACME.example', 'active'`,
    503,
  ],
  [
    'one address for two, which a new collation tells apart',
    'tessera_users',
    `SELECT id, email COLLATE utf8mb4_bin AS email, 'active' AS status ${alone} UNION ALL SELECT 3, 'BOB@ACME.example' COLLATE utf8mb4_bin, 'active'`,
    503,
  ],
  ['a value of 4 MB', 'tessera_users', `SELECT id, email, REPEAT('a', 4194304) AS status ${alone}`, 401],
  ['a role of 4 MB', 'tessera_user_roles', "SELECT 2 AS user_id, REPEAT('a', 4194304) AS role_name", 503],
  [
    'a scope that would be two',
    'tessera_role_scopes',
    "SELECT 'viewer' AS role_name, 'a admin:all' AS scope_name",
    503,
  ],
  ['sleep', 'tessera_users', `SELECT id, email, 'active' AS status FROM users WHERE id = 2 AND SLEEP(600) = 0`, 503],
];

async function replaced(view: string, select: string, work: () => Promise<void>): Promise<void> {
  await inShop(`CREATE OR REPLACE VIEW ${view} AS ${select}`);
  try {
    await work();
  } finally {
    await inShop(viewOf(view).replace('CREATE VIEW', 'CREATE OR REPLACE VIEW'));
  }
}

async function restarted(): Promise<void> {
  await server.end();
  server = await startServer(installation.env, installation.folder);
}

/** The server writes its log after the answer. */
async function logged(sentence: string): Promise<void> {
  await eventually(`the log says: ${sentence}`, () => server.output().includes(sentence));
}

describe('a view', () => {
  it.each(bad)('with %s is refused by apply and found by doctor', async (_, view, select, sentence) => {
    await replaced(view, select, async () => {
      const applied = await installation.apply(file(), '--dry-run');
      expect(applied).toMatchObject({ code: 1, stderr: expect.stringMatching(sentence) });
      const { code, stdout } = await installation.run(['doctor', 'acme', '-o', 'json']);
      expect(code).toBe(1);
      expect(stdout).toMatch(sentence);
    });
  });

  it.each(hostile)('with %s gives no token', async (_, view, select, status) => {
    expect((await mint('bob@acme.example')).status).toBe(200);
    await replaced(view, select, async () => {
      expect((await mint('bob@acme.example')).status).toBe(status);
    });
  });

  it('that lacks a column is refused by a server that opens the database', async () => {
    await replaced('tessera_users', 'SELECT id, email FROM users', async () => {
      await restarted();
      expect((await mint('bob@acme.example')).status).toBe(503);
      await logged('the view tessera_users has no column status');
    });
  });

  it('with ids that are texts gives their users tokens, unless an id has the form of another kind, or an @', async () => {
    const ids = "CASE id WHEN 1 THEN 'u-ada' WHEN 2 THEN 'client:web' ELSE CONCAT('x@', id) END";
    await replaced('tessera_users', `SELECT ${ids} AS id, email, 'active' AS status FROM users`, () =>
      replaced(
        'tessera_user_roles',
        "SELECT 'u-ada' AS user_id, 'viewer' AS role_name UNION SELECT 'U-ADA', 'manager'",
        async () => {
          await restarted();
          expect(await claimsOf('ada@acme.example')).toMatchObject({ sub: 'u-ada', roles: ['viewer'] });
          expect((await mint('bob@acme.example')).status).toBe(401);
          expect((await mint('eve@acme.example')).status).toBe(401);
        },
      ),
    );
  });

  it.each([
    ['one address for two', "SELECT id, IF(id = 3, 'BOB@acme.example', email) AS email, 'active' AS status FROM users"],
    ['no address', "SELECT id, IF(id = 2, 'bob', email) AS email, 'active' AS status FROM users"],
  ])('with %s is found by doctor, which names no address', async (_, select) => {
    await replaced('tessera_users', select, async () => {
      const { code, stdout } = await installation.run(['doctor', 'acme', '-o', 'json']);
      const { findings } = JSON.parse(stdout) as { findings: { check: string }[] };
      expect(findings.filter((one) => one.check === 'external-emails')).toHaveLength(1);
      expect(code).toBe(1);
      expect(stdout.toLowerCase()).not.toContain('@acme.example');
    });
  });

  it('that gives scopes is compared byte by byte with those of clients, and doctor finds others', async () => {
    // The collation takes the first two as one.
    const select = "SELECT 'viewer' AS role_name, 'Orders:read' AS scope_name UNION ALL SELECT 'viewer', 'orders:read'";
    await installation.applied(file().replace('unbounded', "['Orders:read', 'orders:read', 'ORDERS:READ']"));
    await replaced('tessera_role_scopes', select, async () => {
      const { stdout } = await installation.run(['doctor', 'acme', '-o', 'json']);
      const { findings } = JSON.parse(stdout) as { findings: { check: string; problem: string }[] };
      expect(findings.filter(({ check }) => check === 'ungranted-scopes')).toEqual([
        expect.objectContaining({ problem: 'its "scopes" lists scopes that no role has: ORDERS:READ' }),
      ]);
    });
    await installation.applied(file());
  });

  it('of the same name in capitals is another view', async () => {
    await inShop(
      viewOf('tessera_users').replace('VIEW tessera_users', 'VIEW TESSERA_USERS'),
      ...READER.filter((one) => one.includes('tessera_users')).map((one) =>
        one.replace('tessera_users', 'TESSERA_USERS'),
      ),
      'DROP VIEW tessera_users',
    );
    const { stderr } = await installation.apply(file(), '--dry-run');
    await inShop(viewOf('tessera_users'), 'DROP VIEW TESSERA_USERS');
    expect(stderr).toContain('the view tessera_users is missing or cannot be read');
  });

  it('that is missing is named, and an optional one may be left out', async () => {
    await inShop('DROP VIEW tessera_scopes', 'DROP VIEW tessera_roles', 'DROP VIEW tessera_role_scopes');
    expect((await installation.apply(file(), '--dry-run')).stderr).toContain(
      'the view tessera_role_scopes is missing or cannot be read',
    );
    await inShop(viewOf('tessera_role_scopes'), ...READER.filter((one) => one.includes('tessera_role_scopes')));
    await restarted();
    expect(await claimsOf('bob@acme.example')).toMatchObject({ scope: 'orders:read' });
    expect((await installation.run(['roles', 'list', 'acme'])).stdout).toContain('manager');
  });
});
