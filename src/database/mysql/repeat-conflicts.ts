import { setTimeout as delay } from 'node:timers/promises';
import { isRolledBack } from '../database-failure.ts';

/** Enough for ten writers of one row on three nodes, of which one succeeds in each round. */
export const MOST_ATTEMPTS = 12;

/** Grows with each attempt, and differs between writers that failed together. */
export function pauseMs(attempt: number): number {
  return Math.random() * Math.min(10 * attempt, 80);
}

/**
 * Repeats a transaction that the server has undone because of another one.
 *
 * @param timeoutMs for all attempts together
 * @param transact makes one attempt within the milliseconds that it gets
 */
export async function repeatConflicts<T>(timeoutMs: number, transact: (timeoutMs: number) => Promise<T>): Promise<T> {
  const endsAt = performance.now() + timeoutMs;
  for (let attempt = 1; ; attempt += 1) {
    const leftMs = endsAt - performance.now();
    try {
      return await transact(leftMs);
    } catch (error) {
      const pause = pauseMs(attempt);
      if (!isRolledBack(error) || attempt >= MOST_ATTEMPTS || performance.now() + pause >= endsAt) throw error;
      await delay(pause);
    }
  }
}
