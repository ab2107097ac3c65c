/** The source of the time. Injected, so that tests move it instead of sleeping. */
export abstract class Clock {
  /** Wall clock, milliseconds since the epoch: for what tokens, keys and secrets say about time. */
  abstract nowMs(): number;
  /** Never goes back, milliseconds from an arbitrary start: for ages of cache entries and deadlines. */
  abstract monotonicMs(): number;
}

export class SystemClock extends Clock {
  override nowMs(): number {
    return Date.now();
  }

  override monotonicMs(): number {
    return performance.now();
  }
}

/** How far two clocks may differ: ours from those of the replicas, the verifiers and the trusted issuers. */
export const CLOCK_SKEW_SECONDS = 30;

/** NumericDate of RFC 7519, section 2: whole seconds since the epoch. */
export function epochSeconds(nowMs: number): number {
  return Math.floor(nowMs / 1000);
}
