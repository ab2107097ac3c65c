import type { DatabaseFailureReason, DatabaseName } from '../errors/dependency-failure.ts';
import { causeOf, TesseraError, unavailable } from '../errors/tessera-error.ts';
import { atSite, type DatabaseSite } from './database-site.ts';
import { SessionSettingNotKept } from './mysql/session/mysql-session.ts';

export type { DatabaseFailureReason };

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
  // Group replication detects conflicts at commit; the second writer tries again.
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
  // Group replication: a member that was expelled, or that waits for the others.
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
  // MySQL 8.0, where MariaDB reports different collations.
  ['ER_CANNOT_CONVERT_STRING', 'collations differ'],
  ['ER_IMPOSSIBLE_STRING_CONVERSION', 'collations differ'],
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
  // Servers use this error only for a failing init_connect.
  ['ER_NEW_ABORTING_CONNECTION', 'init_connect failed'],
]);

/** Errors that only MariaDB has, for which mysql2 has no names. */
const REASON_BY_NUMBER: ReadonlyMap<number, DatabaseFailureReason> = new Map([
  // ER_CONNECTION_KILLED
  [1927, 'connection lost'],
  // ER_ACCOUNT_HAS_BEEN_LOCKED
  [4151, 'access denied'],
  // ER_STATEMENT_TIMEOUT, by `max_statement_time`
  [1969, 'no answer in time'],
]);

/** Reasons that alternate while a server is unreachable. */
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

/** The kind of a driver's error, from its code only: its message may contain values. */
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
 * Converts a driver's error to a TesseraError; a TesseraError passes unchanged.
 *
 * @param site kept with the error, for the operator's messages
 */
export function databaseFailure(database: DatabaseName, error: unknown, site?: DatabaseSite): TesseraError {
  const failure = error instanceof TesseraError ? error : unavailable(database, databaseFailureReason(error), error);
  return site === undefined ? failure : atSite(site, failure);
}

/** Whether a new connection may help: behind a proxy or a changed DNS name, it reaches the server that has taken over. */
export function isServerStoodDown(reason: DatabaseFailureReason | undefined): boolean {
  return reason === 'read only' || reason === 'not ready';
}

/** Whether the server refused the statement itself. Otherwise the failure came before the statement ran. */
export function isStatementRefused(reason: DatabaseFailureReason | undefined): boolean {
  return reason !== undefined && STATEMENT_REFUSED.has(reason);
}

/**
 * Whether the server has undone the whole transaction, or the statement that was one: it can be repeated as if it had never run. Galera reports so, at any
 * statement and at COMMIT, that another node has committed a change of the same row.
 */
export function isRolledBack(error: unknown): boolean {
  const code = codeOf(error instanceof TesseraError ? causeOf(error) : error);
  return code === 'ER_LOCK_DEADLOCK' || code === 'ER_TRANSACTION_ROLLBACK_DURING_COMMIT';
}

/** Whether the server says that the statement has waited for a lock for too long. */
export function isLockWaitOver(error: unknown): boolean {
  return codeOf(error) === 'ER_LOCK_WAIT_TIMEOUT';
}

/** The reason of the database failure that caused a TesseraError; undefined for any other error. */
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
  // Not `instanceof Error`: a native driver's errors belong to the realm that loaded it first, which is another one under Jest.
  if (typeof error !== 'object' || error === null) return '';
  const { message, driverError } = error as { readonly message?: unknown; readonly driverError?: unknown };
  if (driverError !== undefined) return messageOf(driverError);
  return typeof message === 'string' ? message : '';
}
