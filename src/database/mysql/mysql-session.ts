import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2';

/** How long the server itself lets the statements of a session run: one that we gave up must not go on for long. */
export interface SessionLimits {
  /** One statement; 0 is no limit. MySQL applies it to SELECT alone, MariaDB to every statement. */
  readonly statementMs: number;
  /** One wait for a lock of a row or a table; servers count it in whole seconds. */
  readonly lockWaitMs: number;
}

/** For statements that answer a request or a step of provisioning: the server gives up when we do. */
export function limitsWithin(timeoutMs: number): SessionLimits {
  return { statementMs: timeoutMs, lockWaitMs: timeoutMs };
}

/** Longer than it takes to end a statement over another connection, which can be 2 s when it sleeps. */
const SERVER_ENDS_LATER_BY_MS = 2500;

/**
 * For reads of a database that a tenant controls. Such a statement is ended by `AbandonedStatements`; the server's own limit is for those that it cannot
 * reach. It must not come first: MariaDB times all statements on one thread, and when that thread ends a statement that sleeps, it can wait for it for 2 s.
 * Until then no statement of anybody on that server begins.
 */
export function limitsOfTenantReads(timeoutMs: number): SessionLimits {
  return { statementMs: timeoutMs + SERVER_ENDS_LATER_BY_MS, lockWaitMs: timeoutMs };
}

/** The server has another value than the one that we set: a proxy dropped our statement, or answered it itself. */
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
 * Everything that changes what our statements mean, whether they last, or how long they may take. Defaults are the server
 * operator's, and `init_connect` runs before our first statement, so that none of them can be relied on.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  // 0 → 1 also commits a transaction that `init_connect` left open: everything written in it would never be committed.
  autocommit: '1',
  // A COMMIT that opens the next transaction, or closes the connection.
  completion_type: "'NO_CHAIN'",
  // Strict, so that no value is cut to fit; backslash escapes and double quotes as usual; no other engine than InnoDB.
  sql_mode: "'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
  // Row limits and refusals that would hide rows or stop statements.
  sql_select_limit: '18446744073709551615',
  sql_safe_updates: '0',
  sql_big_selects: '1',
  sql_auto_is_null: '0',
  // Links of a removed user go with it by its foreign keys.
  foreign_key_checks: '1',
  unique_checks: '1',
  time_zone: "'+00:00'",
  character_set_client: "'utf8mb4'",
  character_set_connection: "'utf8mb4'",
  // After the character set, which resets it. Compares by bytes wherever no column decides.
  collation_connection: "'utf8mb4_bin'",
  character_set_results: "'utf8mb4'",
  // A pool keeps its connections for as long as they are used now and then.
  wait_timeout: '28800',
  net_read_timeout: '30',
  net_write_timeout: '60',
};

/** What MySQL and MariaDB call differently. */
interface Dialect {
  /** What only some servers have; not read back, because later ones keep a name that does nothing any more. */
  readonly more?: Readonly<Record<string, string>>;
  /** REPEATABLE READ is what a consistent snapshot needs; less would read what others have not committed. */
  readonly isolation: string;
  readonly readOnly: string;
  readonly statementLimit: (ms: number) => Setting;
  /** A SELECT with a limit of its own, which a function that it calls cannot change. */
  readonly limited: (select: string, ms: number) => string;
}

const MARIADB: Pick<Dialect, 'statementLimit' | 'limited'> = {
  statementLimit: (ms) => ['max_statement_time', String(ms / 1000)],
  limited: (select, ms) => `SET STATEMENT max_statement_time=${ms / 1000} FOR ${select}`,
};

/** Of MariaDB since 10.3. */
const MARIADB_MORE: Readonly<Record<string, string>> = {
  // A transaction of ours may wait for Vault in between; its own timeout bounds it.
  idle_transaction_timeout: '0',
  idle_readonly_transaction_timeout: '0',
  idle_write_transaction_timeout: '0',
  // A migration takes whichever algorithm a change needs.
  alter_algorithm: "'DEFAULT'",
};

/** Since 10.6.18, 10.11.8 and 11.4.2. Where it is on, two who write one row at once are an error instead of one after the other. */
const SNAPSHOT_ISOLATION: Readonly<Record<string, string>> = { innodb_snapshot_isolation: '0' };

/** In the order in which they are tried; a server refuses a name that it does not know, and sets nothing then. */
const DIALECTS: readonly Dialect[] = [
  // MariaDB 10 and 11
  {
    isolation: 'tx_isolation',
    readOnly: 'tx_read_only',
    more: { ...MARIADB_MORE, ...SNAPSHOT_ISOLATION },
    ...MARIADB,
  },
  { isolation: 'tx_isolation', readOnly: 'tx_read_only', more: MARIADB_MORE, ...MARIADB },
  // MySQL 5.7.20 and later
  {
    isolation: 'transaction_isolation',
    readOnly: 'transaction_read_only',
    statementLimit: (ms) => ['max_execution_time', String(Math.ceil(ms))],
    limited: (select, ms) => select.replace(/^\s*SELECT\b/, `$& /*+ MAX_EXECUTION_TIME(${Math.ceil(ms)}) */`),
  },
  // MariaDB after the old names
  {
    isolation: 'transaction_isolation',
    readOnly: 'transaction_read_only',
    more: SNAPSHOT_ISOLATION,
    ...MARIADB,
  },
];

/** Bits of the status that a server sends with each OK. */
const IN_TRANSACTION = 1;
const AUTOCOMMIT = 2;

/**
 * Makes connections of one server sessions of our own: sets everything that matters and reads it back, two round trips for each
 * connection and none later.
 */
export class MysqlSessions {
  readonly #limits: SessionLimits;
  readonly #timeoutMs: number;
  readonly #database: string | undefined;
  readonly #ours = new WeakSet<Connection>();
  #dialect: Dialect | undefined;

  /**
   * @param timeoutMs for each round trip
   * @param database the current one of each session; absent: none
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

  /**
   * Must resolve before anything else is asked on the connection; when it rejects, the connection is to be destroyed.
   *
   * @throws SessionSettingNotKept when a value that was read back is not the one that was set; otherwise the driver's error
   */
  async setUp(connection: Connection): Promise<void> {
    const dialect = await this.#set(connection);
    const settings = settingsFor(dialect, this.#limits);
    const [row] = await this.#ask<RowDataPacket[]>(connection, readingOf(settings));
    for (const [name, value] of settings) if (!isSame(value, row?.[name])) throw new SessionSettingNotKept(name);
    // `init_connect` may have chosen another one: none of our statements names its database.
    if (this.#database !== undefined && row?.['current_database'] !== this.#database)
      await this.#ask(connection, `USE \`${this.#database.replaceAll('`', '``')}\``);
    this.#dialect = dialect;
    this.#ours.add(connection);
  }

  /** Replaces the limits of a connection that was set up, until they are replaced again. */
  async limit(connection: Connection, limits: SessionLimits = this.#limits): Promise<void> {
    if (this.#dialect === undefined) throw new Error('limits are for a connection that was set up');
    await this.#ask(connection, settingOf(limitSettings(this.#dialect, limits)));
  }

  /**
   * A SELECT that the server ends in time by itself, for a database that others control: a view may call a function that lifts the
   * session's limit for the statements after it.
   */
  limited(select: string): string {
    if (this.#dialect === undefined) throw new Error('limits are for a connection that was set up');
    return this.#dialect.limited(select, this.#limits.statementMs);
  }

  async #set(connection: Connection): Promise<Dialect> {
    const dialects = this.#dialect === undefined ? DIALECTS : [this.#dialect];
    for (const [index, dialect] of dialects.entries()) {
      try {
        const more = Object.entries(dialect.more ?? {});
        const sql = settingOf([['autocommit', '0'], ...settingsFor(dialect, this.#limits), ...more]);
        const { serverStatus } = await this.#ask<ResultSetHeader>(connection, sql);
        if ((serverStatus & (AUTOCOMMIT | IN_TRANSACTION)) !== AUTOCOMMIT)
          throw new SessionSettingNotKept('autocommit');
        return dialect;
      } catch (error) {
        if (!isUnknownVariable(error) || index === dialects.length - 1) throw error;
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

/** As text, because one of the numbers is larger than JavaScript's. */
function readingOf(settings: readonly Setting[]): string {
  const columns = settings.map(([name]) => `CAST(@@SESSION.${name} AS CHAR) AS ${name}`);
  return `SELECT ${[...columns, 'DATABASE() AS current_database'].join(',')}`;
}

/** Servers write numbers and switches each in their own way, and modes in an order of their own. */
function isSame(expected: string, found: unknown): boolean {
  if (typeof found !== 'string') return false;
  const quoted = /^'(.*)'$/.exec(expected)?.[1];
  if (quoted === undefined) return numberOf(found) === Number(expected);
  const [wanted, actual] = [quoted, found].map((list) => list.split(',').sort().join(','));
  return wanted === actual;
}

function numberOf(found: string): number {
  if (found === 'ON') return 1;
  if (found === 'OFF') return 0;
  // Nothing is no zero.
  return found === '' ? Number.NaN : Number(found);
}

function isUnknownVariable(error: unknown): boolean {
  return (error as { readonly code?: unknown }).code === 'ER_UNKNOWN_SYSTEM_VARIABLE';
}
