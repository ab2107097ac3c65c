import { createConnection, type Connection, type ResultSetHeader, type RowDataPacket } from 'mysql2';
import { Secret } from '../../config/secret.ts';
import { AnswerLimit } from './answers/answer-limit.ts';
import { databaseFailure } from '../database-failure.ts';
import { type MysqlOptions, mysqlSite } from './mysql-options.ts';
import { withLiterals } from './mysql-literals.ts';
import { MysqlSessions } from './session/mysql-session.ts';
import type { ServerRun } from './session/server-run.ts';
import { destroyConnection } from './pool/mysql-sockets.ts';
import { mysqlTls } from './mysql-tls.ts';

export type MysqlServer = Pick<
  MysqlOptions,
  'name' | 'tenantId' | 'host' | 'port' | 'username' | 'password' | 'timeoutMs' | 'dangerouslyAllowPlaintext'
> & {
  /** Absent: connects without a database, to create one or to lock. */
  readonly database?: string;
};

export interface MysqlConnection {
  /** Undefined: a proxy does not tell. */
  readonly serverRun: ServerRun | undefined;
  ask(sql: string, parameters?: readonly (string | number)[], timeoutMs?: number): Promise<Record<string, unknown>[]>;
  /** @returns the number of rows that the statement found */
  change(sql: string, parameters?: readonly (string | number)[], timeoutMs?: number): Promise<number>;
}

/** Longer than every other limit: a wait for a lock has its own limit, and the client gives up on everything else. */
const STATEMENT_MS = 60_000;

/** The answers on these connections are one short row. */
const ANSWER_LIMIT = 1024 * 1024;

/** Opens one connection outside the pools: for locks, which belong to a connection, and for creating a database. */
export async function withMysqlConnection<T>(
  server: MysqlServer,
  work: (connection: MysqlConnection) => Promise<T>,
): Promise<T> {
  const { connection, limit } = await connect(server);
  try {
    const serverRun = await setUp(connection, server);
    const run = (sql: string, parameters: readonly (string | number)[], timeoutMs: number) => {
      limit.restart();
      return ask(connection, server, sql, parameters, timeoutMs);
    };
    return await work({
      serverRun,
      ask: async (sql, parameters = [], timeoutMs = server.timeoutMs) => {
        const result = await run(sql, parameters, timeoutMs);
        return Array.isArray(result) ? result : [];
      },
      change: async (sql, parameters = [], timeoutMs = server.timeoutMs) => {
        const result = await run(sql, parameters, timeoutMs);
        return Array.isArray(result) ? 0 : result.affectedRows;
      },
    });
  } finally {
    destroyConnection(connection);
  }
}

function connect(server: MysqlServer): Promise<{ readonly connection: Connection; readonly limit: AnswerLimit }> {
  return new Promise((resolve, reject) => {
    const connection = createConnection({
      host: server.host,
      port: server.port,
      user: server.username,
      password: Secret.reveal(server.password),
      ...(server.database === undefined ? {} : { database: server.database }),
      connectTimeout: server.timeoutMs,
      ...mysqlTls(server.host, server.dangerouslyAllowPlaintext),
      charset: 'utf8mb4',
      queryFormat: withLiterals,
      // A server must not read this process's files (LOAD DATA LOCAL).
      flags: ['-LOCAL_FILES'],
      disableEval: true,
    });
    const limit = new AnswerLimit(connection, ANSWER_LIMIT);
    // A connection that breaks while `work` does something else must not crash the process.
    connection.on('error', () => undefined);
    connection.connect((error) => {
      if (error === null) {
        resolve({ connection, limit });
        return;
      }
      destroyConnection(connection);
      reject(databaseFailure(server.name, error, mysqlSite(server)));
    });
  });
}

async function setUp(connection: Connection, server: MysqlServer): Promise<ServerRun | undefined> {
  const { timeoutMs } = server;
  try {
    const limits = { statementMs: STATEMENT_MS, lockWaitMs: timeoutMs };
    const sessions = new MysqlSessions(limits, timeoutMs, server.database);
    await sessions.setUp(connection);
    return sessions.serverRunOf(connection);
  } catch (error) {
    throw databaseFailure(server.name, error, mysqlSite(server));
  }
}

function ask(
  connection: Connection,
  server: MysqlServer,
  sql: string,
  values: readonly (string | number)[],
  timeout: number,
): Promise<RowDataPacket[] | ResultSetHeader> {
  return new Promise((resolve, reject) => {
    connection.query<RowDataPacket[] | ResultSetHeader>({ sql, values: [...values], timeout }, (error, result) => {
      if (error === null) resolve(result);
      else reject(databaseFailure(server.name, error, mysqlSite(server)));
    });
  });
}
