import type { Connection } from 'mysql2';
import { limitsOfTenantReads, limitsWithin, MysqlSessions, SessionSettingNotKept } from './mysql-session.ts';

/** A server, or a proxy before it, that keeps the settings that are set, except those that the test lists. */
class SessionServer {
  readonly statements: string[] = [];
  readonly #settings = new Map<string, string>();
  readonly #unknown: ReadonlySet<string>;
  readonly #kept: Readonly<Record<string, string>>;
  readonly #status: number;

  readonly #version: string;

  constructor(
    options: { unknown?: readonly string[]; kept?: Record<string, string>; status?: number; version?: string } = {},
  ) {
    this.#version = options.version ?? '10.11.14-MariaDB';
    this.#unknown = new Set(options.unknown);
    this.#kept = options.kept ?? {};
    this.#status = options.status ?? 2;
  }

  readonly connection = {
    threadId: 7,
    query: ({ sql }: { sql: string }, done: (error: unknown, result?: unknown) => void) => {
      this.statements.push(sql);
      if (sql.startsWith('USE')) done(null, {});
      else if (sql.startsWith('SELECT')) done(null, [this.#read(sql)]);
      else if (this.#set(sql)) done(null, { serverStatus: this.#status });
      else done(Object.assign(new Error(), { code: 'ER_UNKNOWN_SYSTEM_VARIABLE' }));
    },
  } as unknown as Connection;

  #set(sql: string): boolean {
    const settings = [...sql.matchAll(/([a-z_]+)=('[^']*'|[^,]+)/g)].map(([, name, value]) => [name!, value!] as const);
    if (settings.some(([name]) => this.#unknown.has(name))) return false;
    for (const [name, value] of settings) this.#settings.set(name, value.replaceAll("'", ''));
    return true;
  }

  #read(sql: string): Record<string, string | undefined> {
    const names = [...sql.matchAll(/@@SESSION\.([a-z_]+)/g)].map(([, name]) => name!);
    const settings = names.map((name) => this.#kept[name] ?? this.#settings.get(name)).join('|');
    return {
      settings,
      current_database: this.#kept['current_database'],
      current_login: this.#kept['current_login'],
      version: this.#version,
      server_run: '7|run of the server',
    };
  }
}

const sessions = () => new MysqlSessions(limitsWithin(1500), 1000);
const MARIADB = ['transaction_isolation', 'transaction_read_only', 'max_execution_time'];
const OLD_MARIADB = [...MARIADB, 'innodb_snapshot_isolation'];
const NO_GALERA = ['wsrep_sync_wait', 'wsrep_dirty_reads', 'wsrep_osu_method'];
const MYSQL = [
  ...['tx_isolation', 'tx_read_only', 'max_statement_time', 'alter_algorithm', 'innodb_snapshot_isolation'],
  ...NO_GALERA,
];
const NEW_MARIADB = ['tx_isolation', 'tx_read_only', 'max_execution_time'];

it.each([
  ['MariaDB', MARIADB, ['tx_isolation', 'max_statement_time=1.5', 'wsrep_sync_wait=1', 'wsrep_dirty_reads=0'], 2],
  ['MySQL', MYSQL, ['transaction_isolation', 'max_execution_time=1500'], 3],
  ['a MariaDB without Galera', [...MARIADB, ...NO_GALERA], ['tx_isolation', 'max_statement_time=1.5'], 4],
  ['a MariaDB without snapshot isolation', OLD_MARIADB, ['tx_isolation', 'wsrep_sync_wait=1'], 5],
  ['an old MariaDB without Galera', [...OLD_MARIADB, ...NO_GALERA], ['tx_isolation', 'max_statement_time=1.5'], 6],
  ['a new MariaDB', NEW_MARIADB, ['transaction_isolation', 'max_statement_time=1.5', 'wsrep_sync_wait=1'], 7],
  ['a new MariaDB without Galera', [...NEW_MARIADB, ...NO_GALERA], ['transaction_isolation'], 8],
])('sets up a session on %s', async (_name, unknown, expected, statements) => {
  const server = new SessionServer({ unknown });
  const made = sessions();
  await made.setUp(server.connection);
  expect(made.has(server.connection)).toBe(true);
  expect(server.statements).toHaveLength(statements);
  for (const setting of expected) expect(server.statements.at(-2)).toContain(setting);
});

it('knows where a connection leads once it is set up', async () => {
  const made = sessions();
  const { connection } = new SessionServer({ unknown: MARIADB });
  expect(made.serverRunOf(connection)).toBeUndefined();
  await made.setUp(connection);
  expect(made.serverRunOf(connection)).toBe('run of the server');
});

it('needs two round trips on a known server', async () => {
  const made = sessions();
  await made.setUp(new SessionServer({ unknown: MYSQL }).connection);
  const second = new SessionServer({ unknown: MYSQL });
  await made.setUp(second.connection);
  expect(second.statements).toHaveLength(2);
});

describe('when another server answers at the address', () => {
  it('sets up sessions of one that does not know all names of the last', async () => {
    const made = sessions();
    for (const unknown of [MARIADB, NEW_MARIADB, MYSQL, OLD_MARIADB]) {
      const server = new SessionServer({ unknown });
      await made.setUp(server.connection);
      expect(made.has(server.connection)).toBe(true);
    }
  });

  it('sets what only a newer version has', async () => {
    const made = sessions();
    await made.setUp(new SessionServer({ unknown: OLD_MARIADB, version: '10.11.6-MariaDB' }).connection);
    const newer = new SessionServer({ unknown: MARIADB, version: '10.11.14-MariaDB' });
    await made.setUp(newer.connection);
    expect(newer.statements.at(-2)).toContain('innodb_snapshot_isolation=0');
    const second = new SessionServer({ unknown: MARIADB, version: '10.11.14-MariaDB' });
    await made.setUp(second.connection);
    expect(second.statements).toHaveLength(2);
  });
});

it('switches a session back to its database', async () => {
  const made = new MysqlSessions(limitsWithin(1500), 1000, 'con`trol');
  const elsewhere = new SessionServer({ unknown: MARIADB, kept: { current_database: 'other' } });
  await made.setUp(elsewhere.connection);
  expect(elsewhere.statements.at(-1)).toBe('USE `con``trol`');
  const there = new SessionServer({ unknown: MARIADB, kept: { current_database: 'con`trol' } });
  await made.setUp(there.connection);
  expect(there.statements).toHaveLength(2);
});

describe('a session after another user', () => {
  const anew = async (kept: Record<string, string>) => {
    const made = new MysqlSessions(limitsWithin(1500), 1000, 'acme');
    const server = new SessionServer({ unknown: MARIADB, kept });
    await made.setUpAnew(server.connection, 'acme-user');
    expect(made.has(server.connection)).toBe(true);
    expect(made.serverRunOf(server.connection)).toBe('run of the server');
    expect(server.statements).toHaveLength(2);
  };

  it('is set up if it is of the user, in its database', async () => {
    await anew({ current_database: 'acme', current_login: 'acme-user@10.1.2.3' });
  });

  it.each([
    ['of the last user', { current_database: 'acme', current_login: 'globex-user@10.1.2.3' }, 'user'],
    ['of a user whose name only begins alike', { current_database: 'acme', current_login: 'acme-user2@h' }, 'user'],
    ['in the last database', { current_database: 'globex', current_login: 'acme-user@h' }, 'current database'],
  ])('is refused if it is %s', async (_name, kept, setting) => {
    await expect(anew(kept)).rejects.toMatchObject({ setting });
  });
});

it.each([
  ['autocommit', '0'],
  ['sql_mode', 'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO'],
  ['sql_select_limit', '1'],
  ['tx_isolation', 'READ-UNCOMMITTED'],
  ['character_set_results', 'latin1'],
  ['max_statement_time', '0.000000'],
  ['sql_safe_updates', ''],
])('refuses a session whose %s differs when it is read back', async (setting, value) => {
  const server = new SessionServer({ unknown: MARIADB, kept: { [setting]: value } });
  const made = sessions();
  const refused: unknown = await made.setUp(server.connection).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(SessionSettingNotKept);
  expect((refused as SessionSettingNotKept).setting).toBe(setting);
  expect(made.has(server.connection)).toBe(false);
});

it.each([
  ['in a transaction', 3],
  ['without autocommit', 0],
])('refuses a session that reports that it is %s', async (_name, status) => {
  const server = new SessionServer({ unknown: MARIADB, status });
  await expect(sessions().setUp(server.connection)).rejects.toThrow(/autocommit/);
});

it.each([
  [
    'modes in another order',
    { sql_mode: 'STRICT_ALL_TABLES,STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO' },
  ],
  ['ON and OFF for switches', { autocommit: 'ON', sql_safe_updates: 'OFF' }],
  ['decimals', { max_statement_time: '1.500000' }],
])('treats %s as equal', async (_name, kept) => {
  const made = sessions();
  const { connection } = new SessionServer({ unknown: MARIADB, kept: kept });
  await made.setUp(connection);
  expect(made.has(connection)).toBe(true);
});

it('lets a tenant’s server end a statement by itself only after we had time to end it', () => {
  // One that sleeps takes a KILL 2 s.
  expect(limitsOfTenantReads(1500).statementMs).toBeGreaterThan(1500 + 2000);
  expect(limitsOfTenantReads(1500).lockWaitMs).toBe(1500);
});
