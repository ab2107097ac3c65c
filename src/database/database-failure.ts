import { causeOf, TesseraError, unavailable } from '../errors/tessera-error.ts';
import { atSite, type DatabaseSite } from './database-site.ts';
import { SessionSettingNotKept } from './mysql/mysql-session.ts';

/** Every way in which a database fails us, in fixed words that may stand in a log line. */
export type DatabaseFailureReason =
  | 'connection refused'
  | 'unknown host'
  | 'host is not reachable'
  | 'connection lost'
  | 'no answer in time'
  | 'access denied'
  /** Whoever logs in: the server takes no connection from this machine. */
  | 'this host is not allowed'
  | 'login method is not supported'
  | 'no TLS'
  | 'certificate refused'
  | 'no access to the database'
  | 'permission is missing'
  | 'out of connections'
  /** Of this user; others may still connect. */
  | 'out of connections of the user'
  | 'out of prepared statements'
  | 'statement too large'
  | 'database does not exist'
  | 'schema is missing'
  | 'busy'
  /** It answers and takes no writes: a replica, or a primary that hands over to its successor. */
  | 'read only'
  /** A node of a cluster that has lost the others, or has not joined them yet. */
  | 'not ready'
  | 'collations differ'
  | 'disk full'
  | 'damaged'
  | 'constraint violated'
  /** More than the reader takes, or bytes that the protocol does not have: the connection was destroyed. */
  | 'answer is too large'
  | 'answer is malformed'
  | 'no such connection'
  | 'connection of another user'
  | 'init_connect failed'
  | `the server does not keep our session's ${string}`
  | 'query failed';

const REASON_BY_CODE: ReadonlyMap<string, DatabaseFailureReason> = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ENOTFOUND', 'unknown host'],
  ['EAI_AGAIN', 'unknown host'],
  ['EHOSTUNREACH', 'host is not reachable'],
  ['ENETUNREACH', 'host is not reachable'],
  ['ECONNRESET', 'connection lost'],
  ['EPIPE', 'connection lost'],
  ['PROTOCOL_CONNECTION_LOST', 'connection lost'],
  ['ER_SERVER_SHUTDOWN', 'connection lost'],
  ['ER_ABORTING_CONNECTION', 'connection lost'],
  ['ER_FORCING_CLOSE', 'connection lost'],
  ['ER_CLIENT_INTERACTION_TIMEOUT', 'connection lost'],
  ['ETIMEDOUT', 'no answer in time'],
  ['PROTOCOL_SEQUENCE_TIMEOUT', 'no answer in time'],
  // By `max_execution_time`.
  ['ER_QUERY_TIMEOUT', 'no answer in time'],
  ['ANSWER_TOO_LARGE', 'answer is too large'],
  ['ANSWER_MALFORMED', 'answer is malformed'],
  ['ER_NO_SUCH_THREAD', 'no such connection'],
  ['ER_KILL_DENIED_ERROR', 'connection of another user'],
  ['ER_LOCK_WAIT_TIMEOUT', 'busy'],
  ['ER_LOCK_DEADLOCK', 'busy'],
  // By `innodb_snapshot_isolation`.
  ['ER_CHECKREAD', 'busy'],
  // Group replication certifies at commit; whoever comes second tries again.
  ['ER_TRANSACTION_ROLLBACK_DURING_COMMIT', 'busy'],
  // By `read_only` and `super_read_only`.
  ['ER_OPTION_PREVENTS_STATEMENT', 'read only'],
  ['ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION', 'read only'],
  ['ER_READ_ONLY_TRANSACTION', 'read only'],
  ['ER_READ_ONLY_MODE', 'read only'],
  ['ER_OPEN_AS_READONLY', 'read only'],
  ['ER_INNODB_READ_ONLY', 'read only'],
  ['ER_INNODB_FORCED_RECOVERY', 'read only'],
  ['ER_SCHEMA_READ_ONLY', 'read only'],
  // Galera: "WSREP has not yet prepared node for application use", for reads too.
  ['ER_UNKNOWN_COM_ERROR', 'not ready'],
  // Group replication: a member that the others have put out, or that waits for them.
  ['ER_RUN_HOOK_ERROR', 'not ready'],
  ['ER_GRP_TRX_CONSISTENCY_BEFORE', 'not ready'],
  ['ER_GRP_TRX_CONSISTENCY_AFTER_ON_TRX_BEGIN', 'not ready'],
  ['ER_GRP_TRX_CONSISTENCY_BEGIN_NOT_ALLOWED', 'not ready'],
  ['ER_ACCESS_DENIED_ERROR', 'access denied'],
  ['ER_ACCESS_DENIED_NO_PASSWORD_ERROR', 'access denied'],
  ['ER_DBACCESS_DENIED_ERROR', 'no access to the database'],
  ['ER_TABLEACCESS_DENIED_ERROR', 'permission is missing'],
  ['ER_COLUMNACCESS_DENIED_ERROR', 'permission is missing'],
  ['ER_SPECIFIC_ACCESS_DENIED_ERROR', 'permission is missing'],
  ['ER_PROCACCESS_DENIED_ERROR', 'permission is missing'],
  ['ER_MUST_CHANGE_PASSWORD_LOGIN', 'access denied'],
  ['ER_MUST_CHANGE_PASSWORD', 'access denied'],
  ['ER_ACCOUNT_HAS_BEEN_LOCKED', 'access denied'],
  ['ER_HOST_NOT_PRIVILEGED', 'this host is not allowed'],
  ['ER_HOST_IS_BLOCKED', 'this host is not allowed'],
  ['ER_NOT_SUPPORTED_AUTH_MODE', 'login method is not supported'],
  ['AUTH_SWITCH_PLUGIN_ERROR', 'login method is not supported'],
  ['MYSQL_CLEAR_PASSWORD_NOT_ENABLED', 'login method is not supported'],
  ['HANDSHAKE_NO_SSL_SUPPORT', 'no TLS'],
  ['ER_SECURE_TRANSPORT_REQUIRED', 'no TLS'],
  ['HANDSHAKE_SSL_ERROR', 'certificate refused'],
  ['ER_CON_COUNT_ERROR', 'out of connections'],
  ['ER_TOO_MANY_USER_CONNECTIONS', 'out of connections of the user'],
  ['ER_USER_LIMIT_REACHED', 'out of connections of the user'],
  ['ER_MAX_PREPARED_STMT_COUNT_REACHED', 'out of prepared statements'],
  ['ER_NET_PACKET_TOO_LARGE', 'statement too large'],
  ['ER_BAD_DB_ERROR', 'database does not exist'],
  ['ER_NO_SUCH_TABLE', 'schema is missing'],
  ['ER_BAD_FIELD_ERROR', 'schema is missing'],
  ['ER_CANT_AGGREGATE_2COLLATIONS', 'collations differ'],
  ['ER_CANT_AGGREGATE_3COLLATIONS', 'collations differ'],
  ['ER_CANT_AGGREGATE_NCOLLATIONS', 'collations differ'],
  ['ER_DISK_FULL', 'disk full'],
  ['ENOSPC', 'disk full'],
  ['SQLITE_FULL', 'disk full'],
  ['SQLITE_NOTADB', 'damaged'],
  ['ER_CRASHED_ON_USAGE', 'damaged'],
  ['ER_NOT_KEYFILE', 'damaged'],
  ['ER_TABLE_CORRUPT', 'damaged'],
  ['ER_DUP_ENTRY', 'constraint violated'],
  ['ER_NO_REFERENCED_ROW_2', 'constraint violated'],
  ['ER_DATA_TOO_LONG', 'constraint violated'],
  ['SQLITE_CANTOPEN', 'database does not exist'],
  // Servers say it for this cause alone.
  ['ER_NEW_ABORTING_CONNECTION', 'init_connect failed'],
]);

/** Errors of MariaDB alone, which mysql2 has no names for. */
const REASON_BY_NUMBER: ReadonlyMap<number, DatabaseFailureReason> = new Map([
  // ER_CONNECTION_KILLED
  [1927, 'connection lost'],
  // ER_ACCOUNT_HAS_BEEN_LOCKED
  [4151, 'access denied'],
  // ER_STATEMENT_TIMEOUT, by `max_statement_time`
  [1969, 'no answer in time'],
]);

/** Nobody answers there: reasons that take turns while a server is away. */
export const UNREACHED: readonly DatabaseFailureReason[] = [
  'connection refused',
  'unknown host',
  'host is not reachable',
  'connection lost',
  'no answer in time',
];

const STATEMENT_REFUSED: ReadonlySet<DatabaseFailureReason> = new Set([
  'permission is missing',
  'busy',
  'read only',
  'collations differ',
  'disk full',
  'damaged',
  'constraint violated',
  'query failed',
]);

/** A foreign error's kind, read from its code alone: its message may hold values. */
export function databaseFailureReason(error: unknown): DatabaseFailureReason {
  if (error instanceof SessionSettingNotKept) return `the server does not keep our session's ${error.setting}`;
  const code = codeOf(error);
  const known = REASON_BY_CODE.get(code) ?? REASON_BY_NUMBER.get(numberOf(error));
  if (known !== undefined) return known;
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) return 'busy';
  if (code.startsWith('SQLITE_CONSTRAINT')) return 'constraint violated';
  if (code.startsWith('SQLITE_READONLY')) return 'read only';
  if (code.startsWith('SQLITE_CORRUPT')) return 'damaged';
  if (code === 'SQLITE_ERROR' && /^no such (?:table|column)/.test(messageOf(error))) return 'schema is missing';
  return 'query failed';
}

/**
 * What leaves the door in place of a foreign error; our own errors pass as they are.
 *
 * @param site noted beside the error, for who is to mend it
 */
export function databaseFailure(database: string, error: unknown, site?: DatabaseSite): TesseraError {
  const failure = error instanceof TesseraError ? error : unavailable(database, databaseFailureReason(error), error);
  return site === undefined ? failure : atSite(site, failure);
}

/**
 * Whether another connection may do better: behind a proxy, or a name that moved, it leads to the server that has taken over.
 */
export function isServerStoodDown(reason: DatabaseFailureReason | undefined): boolean {
  return reason === 'read only' || reason === 'not ready';
}

/** Whether the statement itself was refused; otherwise none got as far as that. */
export function isStatementRefused(reason: DatabaseFailureReason | undefined): boolean {
  return reason !== undefined && STATEMENT_REFUSED.has(reason);
}

/** The reason behind an error that left the door; undefined for any other error. */
export function reasonOfFailure(error: unknown): DatabaseFailureReason | undefined {
  const cause = error instanceof TesseraError ? causeOf(error) : undefined;
  return cause === undefined ? undefined : databaseFailureReason(cause);
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  // TypeORM wraps the driver's error.
  const { code, driverError } = error as { readonly code?: unknown; readonly driverError?: unknown };
  return typeof code === 'string' ? code : driverError === undefined ? '' : codeOf(driverError);
}

function numberOf(error: unknown): number {
  if (typeof error !== 'object' || error === null) return 0;
  const { errno, driverError } = error as { readonly errno?: unknown; readonly driverError?: unknown };
  return typeof errno === 'number' ? errno : driverError === undefined ? 0 : numberOf(driverError);
}

function messageOf(error: unknown): string {
  // No `instanceof Error`: a native driver's errors belong to the realm that loaded it first, which under Jest is another one.
  if (typeof error !== 'object' || error === null) return '';
  const { message, driverError } = error as { readonly message?: unknown; readonly driverError?: unknown };
  if (driverError !== undefined) return messageOf(driverError);
  return typeof message === 'string' ? message : '';
}
