import { TokenRequestError } from './token-request-error.ts';

/** The clock for ages and waits. */
export interface TokenClock {
  nowMs(): number;
  monotonicMs(): number;
  /** Rejects when `closing` aborts. */
  sleep(ms: number, closing: AbortSignal): Promise<void>;
}

export const SYSTEM_CLOCK: TokenClock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, closing) =>
    new Promise((resolve, reject) => {
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(new TokenRequestError('unreachable'));
      };
      const timer = setTimeout(() => {
        closing.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      if (closing.aborted) onAbort();
      else closing.addEventListener('abort', onAbort, { once: true });
    }),
};
