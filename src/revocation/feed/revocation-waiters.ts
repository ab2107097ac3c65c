import type { EventEmitter } from 'node:events';

/**
 * Followers that can be held at a time, by one process. Past it they are answered at once, which is as true, and they know how long to pause: a stranger
 * who opens thousands of connections costs the others nothing but some requests.
 */
export const MAX_WAITERS = 2_000;

/** Requests that wait for news. Nothing is asked for them: whoever has the news tells all at once. */
export class RevocationWaiters {
  readonly #waiting = new Map<() => void, readonly string[] | undefined>();
  readonly #isLeaving: () => boolean;

  /** @param isLeaving whether the service is on its way out: then nobody is held */
  constructor(isLeaving: () => boolean) {
    this.#isLeaving = isLeaving;
  }

  /** For /metrics. */
  get count(): number {
    return this.#waiting.size;
  }

  /**
   * Resolves with the news, after that time, when the client goes away, or at once when too many wait.
   *
   * @param tenants whose news it waits for; undefined: any
   */
  wait(milliseconds: number, connection: EventEmitter, tenants?: readonly string[]): Promise<void> {
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
      this.#waiting.set(end, tenants);
    });
  }

  releaseAll(): void {
    for (const end of [...this.#waiting.keys()]) end();
  }

  /** Those who wait for news of any of these tenants. */
  release(news: ReadonlySet<string>): void {
    for (const [end, tenants] of [...this.#waiting])
      if (tenants === undefined || tenants.some((tenantId) => news.has(tenantId))) end();
  }
}
