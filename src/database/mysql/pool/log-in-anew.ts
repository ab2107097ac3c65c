import type { PoolConnection, PoolOptions } from 'mysql2';
import { answerInTime } from '../answers/answer-in-time.ts';
import type { OpenConnection } from './detached-connection.ts';
import type { MysqlSessions } from '../session/mysql-session.ts';

/**
 * Far longer than a server needs. MariaDB answers a wrong password only after 1 s, and whoever waits has no more than that for a new connection with the
 * right one.
 */
const LOGIN_MS = 300;

/** The part of a pool's options that a login needs. */
export type Login = Required<Pick<PoolOptions, 'user' | 'password' | 'database'>>;

/**
 * Logs in on an open connection as another user, to another database, and sets up the session. The server verifies the password, and ends the session
 * before: it rolls back, and drops variables, temporary tables, locks and prepared statements. If it rejects, close the connection.
 *
 * @param sessions of its next pool
 */
export async function logInAnew(last: OpenConnection, login: Login, sessions: MysqlSessions): Promise<void> {
  const { connection, limit } = last;
  limit.restart();
  await changeUser(connection, login);
  await sessions.setUpAnew(connection, login.user);
}

/** COM_CHANGE_USER */
function changeUser(connection: PoolConnection, login: Login): Promise<void> {
  const answered = new Promise<void>((resolve, reject) => {
    connection.changeUser(login, (error: Error | null | undefined) => {
      // The driver marks each error as fatal, because the session is then nobody's.
      if (error === null || error === undefined) resolve();
      else reject(Object.assign(error, { fatal: false }));
    });
  });
  return answerInTime(LOGIN_MS, answered);
}
