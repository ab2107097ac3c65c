import { Inject, Injectable } from '@nestjs/common';
import type { EventEmitter } from 'node:events';
import { RequestsInFlight } from '../../health/requests-in-flight.ts';
import { within } from '../../runtime/deadline.ts';

/**
 * Poll requests that one process holds at a time. Further ones are answered at once, which is also correct, and pollers pause by themselves. A
 * stranger who opens thousands of connections therefore only causes some more requests.
 */
export const MAX_WAITERS = 2_000;

/** Holds poll requests until there is news, without polling the database for each of them. */
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
   * Resolves on news, after the time, when the client disconnects, or at once if too many requests wait.
   *
   * @param tenants the tenants whose news it waits for; undefined: any
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

  /** Releases the requests that wait for news of any of these tenants. */
  release(news: ReadonlySet<string>): void {
    for (const [end, tenants] of [...this.#waiting])
      if (tenants === undefined || tenants.some((tenantId) => news.has(tenantId))) end();
  }
}
