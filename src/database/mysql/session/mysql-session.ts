import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2';
import { SERVER_RUN, type ServerRun, serverRunOf } from './server-run.ts';

/** Time limits that the server enforces on a session's statements, so that a statement given up here does not run on for long. */
export interface SessionLimits {
  /** For one statement; 0 is no limit. MySQL applies it only to SELECT, MariaDB to every statement. */
  readonly statementMs: number;
  /** For one wait for a row or table lock. Servers round it to whole seconds. */
  readonly lockWaitMs: number;
}

/** Limits with which the server gives up at the same time as this process. */
export function limitsWithin(timeoutMs: number): SessionLimits {
  return { statementMs: timeoutMs, lockWaitMs: timeoutMs };
}

/** Longer than it takes to kill a statement over another connection, which can be 2 s if the statement sleeps. */
const SERVER_ENDS_LATER_BY_MS = 2500;

/**
 * For reads of a database that a tenant controls. `AbandonedStatements` kills such a statement; the server's own limit is for statements that it
 * cannot reach. The server's limit must not come first: MariaDB times all statements on one thread, and that thread may wait 2 s for a sleeping
 * statement to end. Until then, no statement starts on that server.
 */
export function limitsOfTenantReads(timeoutMs: number): SessionLimits {
  return { statementMs: timeoutMs + SERVER_ENDS_LATER_BY_MS, lockWaitMs: timeoutMs };
}

/** A session setting differs from the one that was set: a proxy dropped the SET statement or answered it itself. */
export class SessionSettingNotKept extends Error {
  readonly code = 'SESSION_SETTING_NOT_KEPT';
  readonly setting: string;

  constructor(setting: string) {
    super(`the session setting ${setting} is not kept`);
    this.name = 'SessionSettingNotKept';
    this.setting = setting;
  }
}

/**
 * All settings that change the meaning, durability or time limits of statements. The server's operator chooses the defaults, and `init_connect` runs
 * before our first statement, so none of them can be relied on.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  // Changing it from 0 to 1 also commits a transaction that `init_connect` left open. Otherwise our writes in it would never be committed.
  autocommit: '1',
  // Other values let a COMMIT open the next transaction or close the connection.
  completion_type: "'NO_CHAIN'",
  // Strict: no value is truncated. Backslash escapes and double quotes work as usual. No engine replaces InnoDB.
  sql_mode: "'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
  // Other values would hide rows or reject statements.
  sql_select_limit: '18446744073709551615',
  sql_safe_updates: '0',
  sql_big_selects: '1',
  sql_auto_is_null: '0',
  // Foreign keys remove the links of a removed user.
  foreign_key_checks: '1',
  unique_checks: '1',
  time_zone: "'+00:00'",
  character_set_client: "'utf8mb4'",
  character_set_connection: "'utf8mb4'",
  // Must come after the character set, which resets it. Byte comparison where no column's collation applies.
  collation_connection: "'utf8mb4_bin'",
  character_set_results: "'utf8mb4'",
  // A pool keeps its connections as long as they are used now and then.
  wait_timeout: '28800',
  net_read_timeout: '30',
  net_write_timeout: '60',
};

/** Names that differ between MySQL and MariaDB. */
interface Dialect {
  /** Settings that only some servers have. They are not read back, because later versions keep names that have no effect. */
  readonly more?: Readonly<Record<string, string>>;
  /** A consistent snapshot needs REPEATABLE READ; a lower level would see changes of other transactions. */
  readonly isolation: string;
  readonly readOnly: string;
  readonly statementLimit: (ms: number) => Setting;
  /** Adds a time limit to a SELECT that a function called by it cannot change. */
  readonly limited: (select: string, ms: number) => string;
}

const MARIADB: Pick<Dialect, 'statementLimit' | 'limited'> = {
  statementLimit: (ms) => ['max_statement_time', String(ms / 1000)],
  limited: (select, ms) => `SET STATEMENT max_statement_time=${ms / 1000} FOR ${select}`,
};

/** MariaDB 10.3 and later. */
const MARIADB_MORE: Readonly<Record<string, string>> = {
  // A transaction may wait for Vault; its own timeout limits it.
  idle_transaction_timeout: '0',
  idle_readonly_transaction_timeout: '0',
  idle_write_transaction_timeout: '0',
  // A migration may need any algorithm.
  alter_algorithm: "'DEFAULT'",
};

/** Since 10.6.18, 10.11.8 and 11.4.2. If it is on, concurrent writes to one row fail instead of following one another. */
const SNAPSHOT_ISOLATION: Readonly<Record<string, string>> = { innodb_snapshot_isolation: '0' };

/** MariaDB with Galera compiled in, as most builds are. Without effect on a server that is in no cluster. */
const GALERA: Readonly<Record<string, string>> = {
  // A read waits until the node has what was committed on the others before it. Without it a node serves old rows: while it lags, and for seconds after
  // it has lost the others. A revocation or a change would be missed that another node has acknowledged.
  wsrep_sync_wait: '1',
  // A node without quorum must not answer.
  wsrep_dirty_reads: '0',
  // A migration changes all nodes at the same point of their common order.
  wsrep_osu_method: "'TOI'",
};

const OLD_NAMES = { isolation: 'tx_isolation', readOnly: 'tx_read_only' } as const;
const NEW_NAMES = { isolation: 'transaction_isolation', readOnly: 'transaction_read_only' } as const;

/** MySQL 5.7.20 and later. */
const MYSQL: Dialect = {
  ...NEW_NAMES,
  statementLimit: (ms) => ['max_execution_time', String(Math.ceil(ms))],
  limited: (select, ms) => select.replace(/^\s*SELECT\b/, `$& /*+ MAX_EXECUTION_TIME(${Math.ceil(ms)}) */`),
};

/**
 * In the order in which they are tried, the usual ones first. A server rejects a statement with an unknown name and then sets nothing. No MariaDB knows
 * MySQL's name of the statement limit.
 */
const DIALECTS: readonly Dialect[] = [
  { ...MARIADB, ...OLD_NAMES, more: { ...MARIADB_MORE, ...SNAPSHOT_ISOLATION, ...GALERA } },
  MYSQL,
  { ...MARIADB, ...OLD_NAMES, more: { ...MARIADB_MORE, ...SNAPSHOT_ISOLATION } },
  { ...MARIADB, ...OLD_NAMES, more: { ...MARIADB_MORE, ...GALERA } },
  { ...MARIADB, ...OLD_NAMES, more: MARIADB_MORE },
  // Versions of MariaDB without the old names
  { ...MARIADB, ...NEW_NAMES, more: { ...SNAPSHOT_ISOLATION, ...GALERA } },
  { ...MARIADB, ...NEW_NAMES, more: SNAPSHOT_ISOLATION },
];

/** Status bits in each OK packet. */
const IN_TRANSACTION = 1;
const AUTOCOMMIT = 2;

/** Sets up the sessions of one server: sets all settings that matter and reads them back. Costs two round trips per new connection and none later. */
export class MysqlSessions {
  readonly #limits: SessionLimits;
  readonly #timeoutMs: number;
  readonly #database: string | undefined;
  /** The connections that were set up, and where they lead. */
  readonly #ours = new WeakMap<Connection, ServerRun | undefined>();
  #known: KnownServer | undefined;
  #version = '';

  /**
   * @param timeoutMs of each round trip
   * @param database the current database of each session; absent: none
   */
  constructor(limits: SessionLimits, timeoutMs: number, database?: string) {
    this.#limits = limits;
    this.#timeoutMs = timeoutMs;
    this.#database = database;
  }

  /** Whether the connection was set up and may be used. */
  has(connection: Connection): boolean {
    return this.#ours.has(connection);
  }

  /** Undefined: the connection was not set up, or a proxy does not tell. */
  serverRunOf(connection: Connection): ServerRun | undefined {
    return this.#ours.get(connection);
  }

  /** The numbers of the server's version, as the last session reported it. */
  get version(): string {
    return this.#version;
  }

  /**
   * Must resolve before anything else uses the connection. If it rejects, destroy the connection.
   *
   * @throws SessionSettingNotKept if a value read back differs from the one set; otherwise the driver's error
   */
  async setUp(connection: Connection): Promise<void> {
    const { current_database: current, server_run: run } = await this.#setAndRead(connection, this.#known);
    // `init_connect` may have changed the current database, and our statements do not name it.
    if (this.#database !== undefined && current !== this.#database)
      await this.#ask(connection, `USE \`${this.#database.replaceAll('`', '``')}\``);
    this.#ours.set(connection, serverRunOf(run, connection.threadId));
  }

  /**
   * Like `setUp`, for a connection whose last session was another user's. Nothing is put right here: a server or a proxy that only pretends to
   * log in anew still has the last user or its database.
   */
  async setUpAnew(connection: Connection, username: string): Promise<void> {
    const row = await this.#setAndRead(connection, this.#known);
    const { current_database: current, current_login: login, server_run: run } = row;
    if (current !== this.#database) throw new SessionSettingNotKept('current database');
    if (!String(login).startsWith(`${username}@`)) throw new SessionSettingNotKept('user');
    this.#ours.set(connection, serverRunOf(run, connection.threadId));
  }

  async #setAndRead(
    connection: Connection,
    known: KnownServer | undefined,
  ): Promise<Readonly<Record<string, unknown>>> {
    const server = await this.#set(connection, known);
    const { settings, read } = server;
    const [row] = await this.#ask<RowDataPacket[]>(connection, read);
    const found = String(row?.['settings']).split(SEPARATOR);
    for (const [index, [name, value]] of settings.entries())
      if (!isSame(value, found[index])) throw new SessionSettingNotKept(name);
    const version = /^[\d.]+/.exec(String(row?.['version']))?.[0] ?? '';
    // Another server answers, or it was upgraded: it may have settings that the last one had not.
    const isOther = known !== undefined && version !== this.#version;
    this.#version = version;
    this.#known = server;
    if (isOther) return this.#setAndRead(connection, undefined);
    return row ?? {};
  }

  /** Replaces the limits of a set-up connection, until the next call. */
  async limit(connection: Connection, limits: SessionLimits = this.#limits): Promise<void> {
    if (this.#known === undefined) throw new Error('limits need a connection that was set up');
    await this.#ask(connection, settingOf(limitSettings(this.#known.dialect, limits)));
  }

  /**
   * Adds a time limit to the SELECT itself, for a database that others control: a view may call a function that removes the session's limit for later
   * statements.
   */
  limited(select: string): string {
    if (this.#known === undefined) throw new Error('limits need a connection that was set up');
    return this.#known.dialect.limited(select, this.#limits.statementMs);
  }

  async #set(connection: Connection, known: KnownServer | undefined): Promise<KnownServer> {
    // Also after the one that was known: an upgrade, or its return, takes away names.
    // The statements of a dialect are made when it is tried: usually one is.
    const tries = [
      ...(known === undefined ? [] : [() => known]),
      ...DIALECTS.map((one) => () => serverOf(one, this.#limits)),
    ];
    for (const [index, serverToTry] of tries.entries()) {
      const server = serverToTry();
      try {
        const { serverStatus } = await this.#ask<ResultSetHeader>(connection, server.set);
        if ((serverStatus & (AUTOCOMMIT | IN_TRANSACTION)) !== AUTOCOMMIT)
          throw new SessionSettingNotKept('autocommit');
        return server;
      } catch (error) {
        if (!isUnknownVariable(error) || index === tries.length - 1) throw error;
      }
    }
    throw new Error('there is no dialect');
  }

  #ask<Result extends RowDataPacket[] | ResultSetHeader>(connection: Connection, sql: string): Promise<Result> {
    return new Promise((resolve, reject) => {
      connection.query<Result>({ sql, timeout: this.#timeoutMs }, (error, result) => {
        if (error === null) resolve(result);
        else reject(error);
      });
    });
  }
}

type Setting = readonly [name: string, value: string];

/** The dialect of a server, and the statements of its sessions. */
interface KnownServer {
  readonly dialect: Dialect;
  readonly settings: readonly Setting[];
  readonly set: string;
  readonly read: string;
}

function serverOf(dialect: Dialect, limits: SessionLimits): KnownServer {
  const settings = settingsFor(dialect, limits);
  const more = Object.entries(dialect.more ?? {});
  return {
    dialect,
    settings,
    set: settingOf([['autocommit', '0'], ...settings, ...more]),
    read: readingOf(settings),
  };
}

function settingsFor(dialect: Dialect, limits: SessionLimits): Setting[] {
  return [
    ...Object.entries(SETTINGS),
    [dialect.isolation, "'REPEATABLE-READ'"],
    [dialect.readOnly, '0'],
    ...limitSettings(dialect, limits),
  ];
}

function limitSettings(dialect: Dialect, { statementMs, lockWaitMs }: SessionLimits): Setting[] {
  const lockWaitSeconds = String(Math.max(1, Math.ceil(lockWaitMs / 1000)));
  return [
    dialect.statementLimit(statementMs),
    ['innodb_lock_wait_timeout', lockWaitSeconds],
    ['lock_wait_timeout', lockWaitSeconds],
  ];
}

function settingOf(settings: readonly Setting[]): string {
  return `SET ${settings.map(([name, value]) => `${name}=${value}`).join(',')}`;
}

/** In no value that is set. */
const SEPARATOR = '|';

/** Reads values as text, because one of the numbers is too large for JavaScript; as one, because each column costs as much as a row. */
function readingOf(settings: readonly Setting[]): string {
  const values = settings.map(([name]) => `COALESCE(CAST(@@SESSION.${name} AS CHAR),'')`);
  return `SELECT CONCAT_WS('${SEPARATOR}',${values.join(',')}) AS settings,DATABASE() AS current_database,USER() AS current_login,VERSION() AS version,${SERVER_RUN} AS server_run`;
}

/** Servers differ in how they write numbers and switches and in the order of modes. */
function isSame(expected: string, found: string | undefined): boolean {
  if (found === undefined) return false;
  const quoted = /^'(.*)'$/.exec(expected)?.[1];
  if (quoted === undefined) return numberOf(found) === Number(expected);
  const [wanted, actual] = [quoted, found].map((list) => list.split(',').sort().join(','));
  return wanted === actual;
}

function numberOf(found: string): number {
  if (found === 'ON') return 1;
  if (found === 'OFF') return 0;
  // An empty value is not zero.
  return found === '' ? Number.NaN : Number(found);
}

function isUnknownVariable(error: unknown): boolean {
  return (error as { readonly code?: unknown }).code === 'ER_UNKNOWN_SYSTEM_VARIABLE';
}
