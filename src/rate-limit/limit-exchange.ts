/** How replicas tell each other of failures. Behind every request: nothing here is awaited, and nothing of it throws. */
export interface LimitExchange {
  /** Whether counts are shared now. Limits go on without it. */
  readonly available: boolean;
  /** One more failure under this key. */
  report(key: string, windowMs: number): void;
  /** Called with what all replicas counted together, as far as it concerns a limit. */
  onTotal(listener: (key: string, failures: number, windowLeftMs: number) => void): void;
  close(): Promise<void>;
}

/** Stands for the `LimitExchange` interface where Nest injects it; undefined without `REDIS_URL`. */
export const LIMIT_EXCHANGE = Symbol('LimitExchange');
