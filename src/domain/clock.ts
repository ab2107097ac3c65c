/** The source of the time. Injected, so that tests move it instead of sleeping. */
export abstract class Clock {
  /** Wall clock, milliseconds since the epoch: for the timestamps of tokens, keys and secrets. */
  abstract nowMs(): number;
  /** Milliseconds from an arbitrary start; never goes back. For deadlines and the ages of cache entries. */
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
