import type { Clock } from '../domain/clock.ts';

export interface WithinOptions {
  /** Whether the timer keeps the process alive. Default: true. */
  readonly ref?: boolean;
}

/**
 * Settles like `work`, or when the time is over with the result or error of `late`. The work itself goes on; `late` may stop it. Its later result or
 * error is dropped.
 */
export function within<T>(
  timeoutMs: number,
  work: Promise<T>,
  late: () => T | Promise<T>,
  { ref = true }: WithinOptions = {},
): Promise<T> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      // Resolved with a promise, so that an error of `late` becomes the rejection.
      resolve(
        new Promise<T>((settle) => {
          settle(late());
        }),
      );
    }, timeoutMs);
    if (!ref) timer.unref();
    work.then(
      (result) => {
        clearTimeout(timer);
        resolve(result);
      },
      () => {
        clearTimeout(timer);
        resolve(work);
      },
    );
  });
}

/** Runs work with a signal that aborts when the time is over, for work that stops on the signal. */
export async function withSignal<T>(timeoutMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort();
  }, timeoutMs);
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** The time limit of one operation, including all that it waits for: a free slot, a login, retries. */
export class Deadline {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #endsAt: number;

  constructor(clock: Pick<Clock, 'monotonicMs'>, withinMs: number) {
    this.#clock = clock;
    this.#endsAt = clock.monotonicMs() + withinMs;
  }

  remainingMs(): number {
    return Math.max(0, this.#endsAt - this.#clock.monotonicMs());
  }

  isOver(): boolean {
    return this.remainingMs() === 0;
  }

  /** Waits for work of the operation, or for shared work, which goes on for its other callers when this deadline is over. */
  wait<T>(work: Promise<T>, late: () => T, options?: WithinOptions): Promise<T> {
    return within(this.remainingMs(), work, late, options);
  }
}
