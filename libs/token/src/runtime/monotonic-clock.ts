/** Time that never goes back, for ages, pauses and deadlines. The times in tokens are compared with `nowSeconds` instead. */
export interface MonotonicClock {
  nowMs(): number;
  /** @returns cancels the call */
  after(ms: number, run: () => void): () => void;
}

export const SYSTEM_MONOTONIC_CLOCK: MonotonicClock = {
  nowMs: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    // A verifier must not keep a finished program alive.
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
};
