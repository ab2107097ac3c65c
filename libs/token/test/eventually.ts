import { setTimeout as delay } from 'node:timers/promises';
import { startStopwatch } from './stopwatch.ts';

/** Against a wait without end, and below the time limit of a test. */
const HANGS_MS = 120_000;

/**
 * Waits until the condition holds, and fails if it does not in time. Pauses of the machine are not counted.
 *
 * @param withinMs only for a limit that the product promises: without it, the result does not depend on the speed of the machine
 * @returns how long it took, in milliseconds
 */
export async function eventually(
  what: string,
  condition: () => Promise<boolean> | boolean,
  withinMs = HANGS_MS,
): Promise<number> {
  const stopwatch = startStopwatch();
  try {
    while (!(await condition())) {
      if (stopwatch.elapsedMs() > withinMs) throw new Error(`${what}: not within ${withinMs} ms`);
      await delay(20);
    }
    return stopwatch.elapsedMs();
  } finally {
    stopwatch.stop();
  }
}
