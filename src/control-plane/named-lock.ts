import { createHash } from 'node:crypto';
import type { MysqlConnection } from '../database/mysql/mysql-connection.ts';
import { connectionIsLost, lockIsHeld, serverStoodDown } from './lock-errors.ts';

const WAIT_MS = 10_000;

/** Takes a lock on the server that lasts as long as this connection. It is unknown to the other nodes of a cluster. */
export async function takeNamedLock(connection: MysqlConnection, name: string, waitMs = WAIT_MS): Promise<void> {
  const asked = [lockKey(name), waitMs / 1000];
  const [row] = await connection.ask('SELECT GET_LOCK(?, ?) AS held', asked, waitMs + 2000);
  if (Number(row?.['held']) !== 1) throw lockIsHeld();
}

/** @throws OperatorError if the connection no longer has the lock, or its server no longer takes writes */
export async function assertNamedLock(connection: MysqlConnection, name: string, timeoutMs: number): Promise<void> {
  let row: Record<string, unknown> | undefined;
  try {
    [row] = await connection.ask(
      'SELECT IS_USED_LOCK(?) = CONNECTION_ID() AS held, @@global.read_only AS stands_down',
      [lockKey(name)],
      timeoutMs,
    );
  } catch (error) {
    throw connectionIsLost(error);
  }
  if (Number(row?.['held']) !== 1) throw connectionIsLost(undefined);
  // The lock exists on this server only. After a failover, other connections reach another server, where the lock is free. MariaDB 12 and later report
  // `read_only` as a word.
  if (!['0', 'OFF'].includes(String(row?.['stands_down']))) throw serverStoodDown();
}

/** A lock's name has at most 64 characters in MySQL. A database's name alone may be that long, so it is hashed. */
function lockKey(name: string): string {
  return `tessera:${createHash('sha256').update(name).digest('hex').slice(0, 40)}`;
}
