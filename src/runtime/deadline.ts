import { type TesseraError, unavailable } from '../errors/tessera-error.ts';
import type { Clock } from '../domain/clock.ts';

/** The moment by which an operation has ended, with all that it waits for: a place, a login, retries. */
export class Deadline {
  readonly #clock: Clock;
  readonly #endsAt: number;

  constructor(clock: Clock, withinMs: number) {
    this.#clock = clock;
    this.#endsAt = clock.monotonicMs() + withinMs;
  }

  remainingMs(): number {
    return Math.max(0, this.#endsAt - this.#clock.monotonicMs());
  }

  isOver(): boolean {
    return this.remainingMs() === 0;
  }

  /** Waits for something that others wait for too, and that therefore cannot end with this deadline. */
  wait<T>(shared: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(late());
      }, this.remainingMs());
      shared.then(resolve, reject).finally(() => {
        clearTimeout(timer);
      });
    });
  }
}

export function late(): TesseraError {
  return unavailable('vault', 'no answer in time');
}
