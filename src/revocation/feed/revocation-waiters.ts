import { Inject, Injectable } from '@nestjs/common';
import type { EventEmitter } from 'node:events';
import { RequestsInFlight } from '../../health/requests-in-flight.ts';
import { within } from '../../runtime/deadline.ts';

/**
 * Followers that can be held at a time, by one process. Past it they are answered at once, which is as true, and they know how long to pause: a stranger
 * who opens thousands of connections costs the others nothing but some requests.
 */
export const MAX_WAITERS = 2_000;

/** Requests that wait for news. Nothing is asked for them: whoever has the news tells all at once. */
@Injectable()
export class RevocationWaiters {
  readonly #waiting = new Map<() => void, readonly string[] | undefined>();
  readonly #requests: Pick<RequestsInFlight, 'draining'>;

  /** @param requests when they drain, the service shuts down: then no request is held */
  constructor(@Inject(RequestsInFlight) requests: Pick<RequestsInFlight, 'draining'>) {
    this.#requests = requests;
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
    if (this.#requests.draining || this.#waiting.size >= MAX_WAITERS) return Promise.resolve();
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      end = () => {
        connection.removeListener('close', end);
        this.#waiting.delete(end);
        resolve();
      };
    });
    connection.once('close', end);
    this.#waiting.set(end, tenants);
    return within(milliseconds, ended, end);
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
