import { setTimeout as delay } from 'node:timers/promises';
import { isRolledBack } from '../database-failure.ts';

/**
 * A writer may lose against those of other nodes many times in a row, so the limit is a time and not a number. Within it a request can still answer, and a
 * retry by its caller would meet the same conflicts.
 */
const REPEAT_FOR_MS = 2_000;

/** Differs between writers that failed together. Shrinks with each attempt, so that whoever has lost often comes before newcomers. */
export function pauseMs(attempt: number): number {
  return Math.random() * Math.max(60 / attempt, 10);
}

/**
 * Repeats a transaction that the server has undone because of another one. Not after a wait for a lock (1205), which has the whole limit of the
 * transaction: no time is left.
 *
 * @param timeoutMs for all attempts together
 * @param transact makes one attempt within the milliseconds that it gets
 */
export async function repeatConflicts<T>(timeoutMs: number, transact: (timeoutMs: number) => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const repeatUntil = startedAt + Math.min(REPEAT_FOR_MS, timeoutMs);
  for (let attempt = 1; ; attempt += 1)
    try {
      return await transact(timeoutMs - (performance.now() - startedAt));
    } catch (error) {
      const pause = pauseMs(attempt);
      if (!isRolledBack(error) || performance.now() + pause >= repeatUntil) throw error;
      await delay(pause);
    }
}
