import { causeOf, TesseraError, unavailable } from '../errors/tessera-error.ts';

/** Every way in which a database fails us, in fixed words that may stand in a log line. */
export type DatabaseFailureReason =
  | 'connection refused'
  | 'connection lost'
  | 'no answer in time'
  | 'access denied'
  | 'no access to the database'
  | 'permission is missing'
  | 'out of connections'
  | 'database does not exist'
  | 'schema is missing'
  | 'busy'
  | 'disk full'
  | 'constraint violated'
  | 'query failed';

const REASON_BY_CODE: ReadonlyMap<string, DatabaseFailureReason> = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ENOTFOUND', 'connection refused'],
  ['EHOSTUNREACH', 'connection refused'],
  ['ENETUNREACH', 'connection refused'],
  ['EAI_AGAIN', 'connection refused'],
  ['ECONNRESET', 'connection lost'],
  ['EPIPE', 'connection lost'],
  ['PROTOCOL_CONNECTION_LOST', 'connection lost'],
  ['ER_SERVER_SHUTDOWN', 'connection lost'],
  ['ER_CONNECTION_KILLED', 'connection lost'],
  ['ETIMEDOUT', 'no answer in time'],
  ['PROTOCOL_SEQUENCE_TIMEOUT', 'no answer in time'],
  ['ER_LOCK_WAIT_TIMEOUT', 'busy'],
  ['ER_LOCK_DEADLOCK', 'busy'],
  ['ER_ACCESS_DENIED_ERROR', 'access denied'],
  ['ER_ACCESS_DENIED_NO_PASSWORD_ERROR', 'access denied'],
  ['ER_DBACCESS_DENIED_ERROR', 'no access to the database'],
  ['ER_TABLEACCESS_DENIED_ERROR', 'permission is missing'],
  ['ER_COLUMNACCESS_DENIED_ERROR', 'permission is missing'],
  ['ER_MUST_CHANGE_PASSWORD_LOGIN', 'access denied'],
  ['ER_ACCOUNT_HAS_BEEN_LOCKED', 'access denied'],
  ['ER_CON_COUNT_ERROR', 'out of connections'],
  ['ER_TOO_MANY_USER_CONNECTIONS', 'out of connections'],
  ['ER_USER_LIMIT_REACHED', 'out of connections'],
  ['ER_BAD_DB_ERROR', 'database does not exist'],
  ['ER_NO_SUCH_TABLE', 'schema is missing'],
  ['ER_BAD_FIELD_ERROR', 'schema is missing'],
  ['ER_DISK_FULL', 'disk full'],
  ['ENOSPC', 'disk full'],
  ['SQLITE_FULL', 'disk full'],
  ['ER_DUP_ENTRY', 'constraint violated'],
  ['ER_NO_REFERENCED_ROW_2', 'constraint violated'],
  ['ER_DATA_TOO_LONG', 'constraint violated'],
  ['SQLITE_CANTOPEN', 'database does not exist'],
]);

/** A foreign error's kind, read from its code alone: its message may hold values. */
export function databaseFailureReason(error: unknown): DatabaseFailureReason {
  const code = codeOf(error);
  const known = REASON_BY_CODE.get(code);
  if (known !== undefined) return known;
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) return 'busy';
  if (code.startsWith('SQLITE_CONSTRAINT')) return 'constraint violated';
  if (code === 'SQLITE_ERROR' && /^no such (?:table|column)/.test(messageOf(error))) return 'schema is missing';
  return 'query failed';
}

/** What leaves the door in place of a foreign error; our own errors pass as they are. */
export function databaseFailure(database: string, error: unknown): TesseraError {
  return error instanceof TesseraError ? error : unavailable(database, databaseFailureReason(error), error);
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

function messageOf(error: unknown): string {
  // No `instanceof Error`: a native driver's errors belong to the realm that loaded it first, which under Jest is another one.
  if (typeof error !== 'object' || error === null) return '';
  const { message, driverError } = error as { readonly message?: unknown; readonly driverError?: unknown };
  if (driverError !== undefined) return messageOf(driverError);
  return typeof message === 'string' ? message : '';
}
