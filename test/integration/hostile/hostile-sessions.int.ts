import { decodeJwt } from 'jose';
import { createConnection } from 'mysql2/promise';
import { setTimeout as delay } from 'node:timers/promises';
import { providerKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';
import { type HostileProvider, startHostileProvider } from '../../../src/testing/hostile-provider.ts';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';
import {
  type MysqlInstallation,
  mysqlInstallation,
  type RunningService,
} from '../../support/tessera/mysql-installation.ts';
import { replaceEach, replaceOnce } from '../../../libs/token/test/replace-once.ts';

/** A default that a server's operator, packager or guide may have set, and the statement that resets it. */
interface HostileDefault {
  readonly name: string;
  readonly globals: readonly string[];
  readonly reset: readonly string[];
  /** How long connections idle in between. */
  readonly idleMs?: number;
  /** The server is a separate process, killed as soon as it has answered. */
  readonly killed?: true;
}

const SETTABLE = (name: string, value: string, more: Partial<HostileDefault> = {}): HostileDefault => ({
  name: `${name}=${value}`,
  globals: [`SET GLOBAL ${name}=${value}`],
  reset: [`SET GLOBAL ${name}=DEFAULT`],
  ...more,
});
const INIT_CONNECT = (statement: string, more: Partial<HostileDefault> = {}): HostileDefault =>
  SETTABLE('init_connect', `'${statement.replaceAll("'", "''")}'`, { reset: ["SET GLOBAL init_connect=''"], ...more });

const HOSTILE: readonly HostileDefault[] = [
  SETTABLE('autocommit', '0', { killed: true }),
  INIT_CONNECT('SET autocommit=0'),
  INIT_CONNECT('START TRANSACTION', { killed: true }),
  INIT_CONNECT('SET NAMES latin1'),
  INIT_CONNECT("SET sql_mode='NO_BACKSLASH_ESCAPES', completion_type=1"),
  INIT_CONNECT('SET TRANSACTION READ ONLY'),
  INIT_CONNECT('USE information_schema'),
  SETTABLE('sql_mode', "'NO_BACKSLASH_ESCAPES'"),
  SETTABLE('sql_mode', "'ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH,PIPES_AS_CONCAT'"),
  SETTABLE('sql_mode', "'ORACLE'"),
  SETTABLE('sql_mode', "''", { name: 'no strict mode' }),
  SETTABLE('completion_type', "'CHAIN'", { killed: true }),
  SETTABLE('completion_type', "'RELEASE'"),
  SETTABLE('tx_isolation', "'READ-UNCOMMITTED'"),
  SETTABLE('tx_isolation', "'SERIALIZABLE'"),
  SETTABLE('tx_read_only', '1'),
  SETTABLE('sql_select_limit', '1'),
  SETTABLE('sql_safe_updates', '1'),
  SETTABLE('max_join_size', '1'),
  SETTABLE('max_statement_time', '0.0001'),
  SETTABLE('wait_timeout', '1', { idleMs: 2_500 }),
  SETTABLE('time_zone', "'+13:00'"),
  SETTABLE('character_set_server', 'latin1'),
  SETTABLE('foreign_key_checks', '0'),
  SETTABLE('lock_wait_timeout', '0'),
  SETTABLE('default_storage_engine', 'MyISAM'),
  SETTABLE('alter_algorithm', "'INSTANT'"),
];

const KEY = providerKey('k1');
let server: RunningMariaDb;
let provider: HostileProvider;
let installations = 0;
beforeAll(async () => {
  server = await startMariaDb();
  provider = await startHostileProvider();
  provider.keys = [KEY.jwk];
});
afterAll(async () => {
  await server.close();
  await provider.close();
});

/** Values that another character set, escaping or padding would change. */
const NAME = 'Ä "\\\' %_ €😀';

const tenantsFile = () => `apiVersion: tessera/v1
tenants:
  - id: acme
    name: ${JSON.stringify(NAME)}
    database: { driver: mysql, host: 127.0.0.1, port: ${server.port}, name: DIRECTORY }
    issuers:
      - id: corp
        issuer: ${provider.issuer}
        audiences: [tessera-acme, ${JSON.stringify('a"\\b')}]
        algorithms: [ES256]
        conditions: { hd: acme.example, dept: ${JSON.stringify(NAME)} }
        subject: { match: email, domains: [acme.example] }
        clients: [web]
        surfaces: [user]
    projects:
      - id: shop
        name: ${JSON.stringify(NAME)}
        clients:
          - { id: web, surfaces: [admin, user], scopes: unbounded, subjects: any }
    scopes:
      - { name: "orders:read", resource: orders }
      - { name: "orders:write", resource: orders }
    roles:
      - { name: reader, scopes: ["orders:read"] }
      - { name: writer, scopes: ["orders:read", "orders:write"] }
    groups:
      - { name: sales, roles: [writer] }
    users:
      - { id: u-ada, email: ada@acme.example, roles: [reader], groups: [sales] }
      - { id: u-grace, email: grace@acme.example, roles: [reader] }
    admins:
      - { id: a-root, email: root@acme.example, scopes: ["tenant:manage"] }
`;

function subjectToken(): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: provider.issuer,
    sub: '1',
    aud: 'tessera-acme',
    iat: now,
    exp: now + 300,
    jti: 'j-1',
    email: 'grace@acme.example',
    email_verified: true,
    hd: 'acme.example',
    dept: NAME,
  };
  return writeSubjectToken({ key: KEY, claims });
}

/** With clean session defaults, so that it sees only committed data. */
async function countOf(query: string): Promise<number> {
  const [row] = await server.sql(`SELECT COUNT(*) AS count FROM ${query}`);
  return Number(row?.['count']);
}

async function underHostile(hostile: HostileDefault, work: (installation: MysqlInstallation) => Promise<void>) {
  const installation = await mysqlInstallation(server, String((installations += 1)), {
    TESSERA_FEDERATION_ALLOWED_HOSTS: provider.hostPort,
  });
  try {
    await server.sql(...hostile.globals);
    await work(installation);
  } finally {
    await server.sql(...hostile.reset);
    await installation.close();
  }
}

/** Writes every kind of row: six issued tokens, one of them from an exchange, and one refused attempt. Resolves to the revoked token. */
async function everyEndpoint(service: RunningService, oidcToken: string, idleMs: number): Promise<string> {
  const minted = await service.mint();
  expect(minted.status).toBe(200);
  expect(decodeJwt(minted.body['access_token'] as string)['scope']).toBe('orders:read orders:write');
  expect((await service.mint('admin')).status).toBe(200);
  await delay(idleMs);
  const bearer = minted.body['access_token'] as string;
  expect((await service.exchange(bearer, oidcToken)).status).toBe(200);
  expect((await service.exchange(bearer, oidcToken)).status).toBe(401);
  await delay(idleMs);
  expect((await service.introspect(bearer)).body['active']).toBe(true);
  expect((await service.revoke(bearer)).status).toBe(200);
  expect((await service.introspect(bearer)).body['active']).toBe(false);
  // On the connection that ran the transaction.
  for (let count = 0; count < 3; count += 1) expect((await service.mint()).status).toBe(200);
  return bearer;
}

async function servedBy<T>(service: RunningService, work: (service: RunningService) => Promise<T>): Promise<T> {
  try {
    return await work(service);
  } finally {
    await service.close();
  }
}

describe.each(HOSTILE)('with $name', (hostile) => {
  it('everything works as with other defaults, and is committed', async () => {
    await underHostile(hostile, async (installation) => {
      expect((await installation.run(['migrate'])).stderr).toBe('');
      const file = replaceOnce(tenantsFile(), 'DIRECTORY', installation.directory);
      await installation.apply(file);
      expect(await installation.apply(file)).toEqual([]);
      // Changed users are deleted and inserted again, with their links.
      await installation.apply(replaceOnce(file, 'roles: [reader], groups: [sales]', 'roles: [writer], groups: []'));

      const oidcToken = subjectToken();
      const revoked = await servedBy(
        hostile.killed ? await installation.startProcess() : await installation.start(),
        (service) => everyEndpoint(service, oidcToken, hostile.idleMs ?? 0),
      );

      await server.sql(...hostile.reset);
      const { control, directory } = installation;
      expect(await countOf(`${control}.audit_records WHERE outcome = 'issued'`)).toBe(6);
      expect(await countOf(`${control}.audit_records WHERE reason LIKE '%used before%'`)).toBe(1);
      expect(await countOf(`${control}.spent_tokens`)).toBe(1);
      expect(await countOf(`${control}.revocations WHERE revoked_id = '${decodeJwt(revoked).jti}'`)).toBe(1);
      expect(await countOf(`${directory}.tessera_user_roles`)).toBe(2);
      expect(await countOf(`${directory}.tessera_user_group_members`)).toBe(0);
      expect(
        await countOf(`information_schema.tables WHERE table_schema IN ('${control}', '${directory}')
        AND engine <> 'InnoDB'`),
      ).toBe(0);

      if (hostile.killed)
        await servedBy(await installation.start(), async (again) => {
          expect((await again.introspect(revoked)).body['active']).toBe(false);
          const { body } = await again.mint();
          expect((await again.exchange(body['access_token'] as string, oidcToken)).status).toBe(401);
        });
    });
  });
});

it('uncommitted data is in no token, whatever the default', async () => {
  await underHostile(SETTABLE('tx_isolation', "'READ-UNCOMMITTED'"), async (installation) => {
    await installation.apply(replaceOnce(tenantsFile(), 'DIRECTORY', installation.directory));
    const writing = await createConnection(`mysql://root:${server.rootPassword}@127.0.0.1:${server.port}`);
    try {
      await servedBy(await installation.start(), async (service) => {
        expect((await service.mint()).status).toBe(200);
        await writing.query('START TRANSACTION');
        await writing.query(`DELETE FROM ${installation.directory}.tessera_user_group_members`);
        await writing.query(`INSERT INTO ${installation.directory}.tessera_scopes VALUES ('all:delete', NULL)`);
        await writing.query(
          `INSERT INTO ${installation.directory}.tessera_role_scopes VALUES ('reader', 'all:delete')`,
        );
        const { body } = await service.mint();
        expect(decodeJwt(body['access_token'] as string)['scope']).toBe('orders:read orders:write');
      });
    } finally {
      writing.destroy();
    }
  });
});

it('a failing init_connect is refused with a reason, by the command line and by a server', async () => {
  await underHostile(INIT_CONNECT('SELECT nonsense'), async (installation) => {
    const { code, stderr } = await installation.run(['migrate']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Control database: init_connect failed /);
    await servedBy(await installation.start(), async (service) => {
      expect((await service.get('/readyz')).status).toBe(503);
      expect((await service.mint()).status).toBe(503);
    });
  });
});

it.each([
  ['the tenants file', 'control', 'clients', 'scopes', 'Control'],
  ['a directory', 'directory', 'tessera_users', 'email', 'Tenant'],
] as const)('%s is not applied when a trigger changes the rows', async (_name, of, table, column, subject) => {
  await underHostile(SETTABLE('sql_mode', "''"), async (installation) => {
    const file = replaceOnce(tenantsFile(), 'DIRECTORY', installation.directory);
    await installation.apply(file);
    const database = installation[of];
    await server.sql(
      `CREATE TRIGGER ${database}.changes BEFORE INSERT ON ${database}.${table}
         FOR EACH ROW SET NEW.${column} = UPPER(NEW.${column})`,
    );
    const changed = replaceEach(
      file,
      ['subjects: any', 'audience: other, subjects: any'],
      ['scopes: unbounded', 'scopes: ["orders:read"]'],
      ['roles: [reader] }', 'roles: [writer] }'],
    );
    const { code, stderr } = await installation.run(['apply', '-f', '-'], changed);
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`${subject} database: does not keep what is written.*Look for triggers`));
    await server.sql(`DROP TRIGGER ${database}.changes`);
    expect(await countOf(`${installation.control}.clients WHERE audience = 'other'`)).toBe(0);
    expect(await countOf(`${database}.${table} WHERE BINARY ${column} <> LOWER(${column})`)).toBe(0);
  });
});
