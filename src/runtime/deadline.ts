import type { Clock } from '../domain/clock.ts';

export interface WithinOptions {
  /** Whether the timer keeps the process alive. Default: true. */
  readonly ref?: boolean;
}

/**
 * Settles as `work` does, or when the time is over with what `late` returns or throws. The work itself goes on: its owner ends it in `late` if
 * it can be ended. What comes of it then is dropped, an error as well.
 */
export function within<T>(
  timeoutMs: number,
  work: Promise<T>,
  late: () => T,
  { ref = true }: WithinOptions = {},
): Promise<T> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      // A promise around it, so that an error of `late` becomes the rejection.
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

/** Runs work with a signal that aborts when the time is over, for work that ends itself then. */
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

/** The moment by which an operation has ended, with all that it waits for in turn: a place, a login, retries. */
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
