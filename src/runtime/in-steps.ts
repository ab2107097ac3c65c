import { setTimeout as delay } from 'node:timers/promises';

/** Between two steps, for requests: on SQLite a statement keeps the event loop until it is over, and a loop of statements would never give it back. */
const PAUSE_MS = 20;

/**
 * Background work on many rows, a few at a time. Ends early when the signal is aborted.
 *
 * @param step one statement or two of a few milliseconds; resolves to whether there may be more to do
 */
export async function inSteps(signal: AbortSignal, step: () => Promise<boolean>): Promise<void> {
  while (!signal.aborted && (await step())) await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
}
