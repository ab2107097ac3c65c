import type { EventEmitter } from 'node:events';

/**
 * Followers that can be held at a time, by one process. Past it they are answered at once, which is as true, and they know how long to pause: a stranger
 * who opens thousands of connections costs the others nothing but some requests.
 */
export const MAX_WAITERS = 2_000;

/** Requests that wait for news. Nothing is asked for them: whoever has the news tells all at once. */
export class RevocationWaiters {
  readonly #waiting = new Set<() => void>();
  readonly #isLeaving: () => boolean;

  /** @param isLeaving whether the service is on its way out: then nobody is held */
  constructor(isLeaving: () => boolean) {
    this.#isLeaving = isLeaving;
  }

  /** For /metrics. */
  get count(): number {
    return this.#waiting.size;
  }

  /** Resolves with the news, after that time, when the client goes away, or at once when too many wait. */
  wait(milliseconds: number, connection: EventEmitter): Promise<void> {
    if (this.#isLeaving() || this.#waiting.size >= MAX_WAITERS) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        connection.removeListener('close', end);
        this.#waiting.delete(end);
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      connection.once('close', end);
      this.#waiting.add(end);
    });
  }

  releaseAll(): void {
    for (const end of [...this.#waiting]) end();
  }
}
