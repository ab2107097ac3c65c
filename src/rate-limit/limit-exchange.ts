/** Shares failure counts between replicas, in the background: no request awaits it, and no method throws. */
export interface LimitExchange {
  /** Whether counts are shared now. The limits also work without. */
  readonly available: boolean;
  /** Reports one more failure under this key. */
  report(key: string, windowMs: number): void;
  /** The listener gets the totals of all replicas. */
  onTotal(listener: (key: string, failures: number, windowLeftMs: number) => void): void;
  close(): Promise<void>;
}

/** Stands for the `LimitExchange` interface where Nest injects it; undefined without `REDIS_URL`. */
export const LIMIT_EXCHANGE = Symbol('LimitExchange');
