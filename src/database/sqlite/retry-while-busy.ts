import { setTimeout as delay } from 'node:timers/promises';
import { databaseFailureReason } from '../database-failure.ts';

/** How long a write waits for another process's write, such as a transaction of `apply`, which takes a few milliseconds. */
const BUSY_MS = 2000;
const BUSY_RETRY_MS = 5;

/** Retries for a limited time while another process holds the lock. */
export async function retryWhileBusy<T>(attempt: () => T | Promise<T>): Promise<T> {
  const deadline = performance.now() + BUSY_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (databaseFailureReason(error) !== 'busy' || performance.now() > deadline) throw error;
      await delay(BUSY_RETRY_MS);
    }
  }
}
