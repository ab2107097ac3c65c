import { randomUUID } from 'node:crypto';
import { withMysqlConnection } from '../database/mysql/mysql-connection.ts';
import type { MysqlOptions } from '../database/mysql/mysql-options.ts';
import { LeaseRows, TIMEOUT_MS } from './lease-rows.ts';
import { connectionIsLost, lockIsTakenOver } from './lock-errors.ts';
import { assertNamedLock, takeNamedLock } from './named-lock.ts';
import { takeLease } from './take-lease.ts';
import type { AssertHeld, WriteFence } from './write-fence.ts';

/** Several within the silence after which another process takes over. */
const BEAT_EVERY_MS = 1000;

/**
 * Two locks, one after the other. The server's own lock (GET_LOCK) is released with its connection, so the process after a killed one need not wait. But
 * each node of a cluster has its own, and so does the server after a failover. So the holder also has a lease in the control database, which all nodes
 * share: a row that names it and that it changes every second.
 */
export function withServerLock<T>(
  options: MysqlOptions,
  work: (assertHeld: AssertHeld, fence: WriteFence) => Promise<T>,
  waitMs: number,
): Promise<T> {
  return withMysqlConnection(options, async (connection) => {
    const endsAt = performance.now() + waitMs;
    const name = `apply:${options.database}`;
    await takeNamedLock(connection, name, waitMs);
    const rows = new LeaseRows(connection);
    const holder = { owner: randomUUID(), server: await rows.server() };
    await takeLease(rows, holder, endsAt);
    const beating = setInterval(() => {
      // Whoever is about to change something asks whether the lease is still held.
      void rows.beat(holder.owner).catch(() => undefined);
    }, BEAT_EVERY_MS);
    try {
      return await work(async () => {
        await assertNamedLock(connection, name, TIMEOUT_MS);
        if (!(await isHeld(rows, holder.owner))) throw lockIsTakenOver();
      }, rows.fenceOf(holder.owner));
    } finally {
      clearInterval(beating);
      // Otherwise the next process on another node waits until the silence is long enough.
      await rows.release(holder.owner).catch(() => undefined);
    }
  });
}

/** A write, because a read may be older than a takeover at another node. */
async function isHeld(rows: LeaseRows, owner: string): Promise<boolean> {
  try {
    return await rows.beat(owner);
  } catch (error) {
    throw connectionIsLost(error);
  }
}
