import { Injectable } from '@nestjs/common';
import type { ServerResponse } from 'node:http';

/** A request that has not been answered yet. */
export interface UnansweredRequest {
  readonly response: ServerResponse;
  /** Its index in the list of unanswered requests. */
  place: number;
}

/** Tracks the unanswered requests and whether the service is draining. */
@Injectable()
export class RequestsInFlight {
  /**
   * An array, not a Set: a Set makes itself a new table every few dozen deletions, and each old table points to the next. One that outlived its requests
   * then kept all later ones alive until the next full garbage collection.
   */
  readonly #unanswered: UnansweredRequest[] = [];
  #draining = false;
  #idle: (() => void) | undefined;
  readonly #onDrain: (() => void)[] = [];

  get count(): number {
    return this.#unanswered.length;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** @returns the handle to pass to `end`, once */
  begin(response: ServerResponse): UnansweredRequest {
    if (this.#draining) endConnectionAfter(response);
    const request = { response, place: this.#unanswered.length };
    this.#unanswered.push(request);
    return request;
  }

  end(request: UnansweredRequest): void {
    const last = this.#unanswered.pop();
    if (last !== undefined && last !== request) {
      this.#unanswered[request.place] = last;
      last.place = request.place;
    }
    if (this.#unanswered.length === 0) this.#idle?.();
  }

  /**
   * From now on every response closes its connection, also responses to requests that came before this call, so that no further request comes on it.
   */
  drain(): void {
    this.#draining = true;
    for (const { response } of this.#unanswered) endConnectionAfter(response);
    for (const listener of this.#onDrain) listener();
  }

  /** For code that delays requests on purpose: it must release them when draining starts. */
  onDrain(listener: () => void): void {
    this.#onDrain.push(listener);
  }

  /** Resolves when every request has been answered. */
  whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#unanswered.length === 0) resolve();
      else this.#idle = resolve;
    });
  }
}

/** Node then sends `Connection: close` and closes the connection. */
function endConnectionAfter(response: ServerResponse): void {
  response.shouldKeepAlive = false;
}
