import { QueryFailedError } from 'typeorm';
import { TesseraError, unavailable } from '../errors/tessera-error.ts';
import { databaseFailure, databaseFailureReason, reasonOfFailure } from './database-failure.ts';
import { SessionSettingNotKept } from './mysql/session/mysql-session.ts';

const coded = (code: string, message = 'MARKED') => Object.assign(new Error(message), { code });

describe('databaseFailure', () => {
  it.each([
    ['ECONNREFUSED', 'connection refused'],
    ['PROTOCOL_CONNECTION_LOST', 'connection lost'],
    ['ETIMEDOUT', 'no answer in time'],
    ['ER_ACCESS_DENIED_ERROR', 'access denied'],
    ['ER_CON_COUNT_ERROR', 'out of connections'],
    ['ER_OPTION_PREVENTS_STATEMENT', 'read only'],
    ['ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION', 'read only'],
    ['ER_READ_ONLY_MODE', 'read only'],
    ['SQLITE_READONLY_DBMOVED', 'read only'],
    ['ER_UNKNOWN_COM_ERROR', 'not ready'],
    ['ER_LOCK_WAIT_TIMEOUT', 'busy'],
    ['ER_CHECKREAD', 'busy'],
    ['ER_CANT_AGGREGATE_2COLLATIONS', 'collations differ'],
    ['ER_CANNOT_CONVERT_STRING', 'collations differ'],
    ['ER_IMPOSSIBLE_STRING_CONVERSION', 'collations differ'],
    ['SQLITE_BUSY_SNAPSHOT', 'busy'],
    ['SQLITE_CONSTRAINT_PRIMARYKEY', 'constraint violated'],
    ['SQLITE_FULL', 'disk full'],
    ['SQLITE_NOTADB', 'damaged'],
    ['SQLITE_CORRUPT_INDEX', 'damaged'],
    ['ER_WHATEVER', 'query failed'],
  ] as const)('maps %s to "%s", also when TypeORM has wrapped it', (code, reason) => {
    expect(databaseFailureReason(coded(code))).toBe(reason);
    expect(databaseFailureReason(new QueryFailedError('SELECT 1', [], coded(code)))).toBe(reason);
  });

  it.each([
    [1927, 'connection lost'],
    [1969, 'no answer in time'],
  ] as const)('maps MariaDB\'s error %i, which the driver has no name for, to "%s"', (errno, reason) => {
    const error = Object.assign(new Error('MARKED'), { code: undefined, errno });
    expect(databaseFailureReason(error)).toBe(reason);
    expect(databaseFailureReason(new QueryFailedError('SELECT 1', [], error))).toBe(reason);
  });

  it('names the session setting that a server does not keep', () => {
    expect(databaseFailureReason(new SessionSettingNotKept('sql_mode'))).toBe(
      "the server does not keep our session's sql_mode",
    );
  });

  it.each([undefined, null, 'text', {}, new Error('plain')])('maps %p to "query failed"', (error) => {
    expect(databaseFailureReason(error)).toBe('query failed');
  });

  it('is always temporarily_unavailable, and shows nothing of the driver’s error', () => {
    const failure = databaseFailure('tenant database', coded('ER_DUP_ENTRY'));
    expect(failure).toMatchObject({ code: 'temporarily_unavailable', reason: 'tenant database: constraint violated' });
    expect(JSON.stringify(failure)).not.toContain('MARKED');
    expect(String(failure.stack)).not.toContain('MARKED');
    expect(reasonOfFailure(failure)).toBe('constraint violated');
  });

  it('passes TesseraErrors unchanged', () => {
    const own = unavailable('vault', 'it is sealed or not ready');
    expect(databaseFailure('tenant database', own)).toBe(own);
    expect(reasonOfFailure(new TesseraError('unauthorized', 'secret does not match'))).toBeUndefined();
  });
});
