import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until the condition holds, and fails if it does not in time.
 *
 * @returns how long it took, in milliseconds
 */
export async function eventually(
  what: string,
  condition: () => Promise<boolean> | boolean,
  withinMs = 5000,
): Promise<number> {
  const startedAt = performance.now();
  while (!(await condition())) {
    if (performance.now() - startedAt > withinMs) throw new Error(`${what}: not within ${withinMs} ms`);
    await delay(20);
  }
  return performance.now() - startedAt;
}
