import { Injectable } from '@nestjs/common';
import type { ServerResponse } from 'node:http';

/** One request that waits for its answer. */
export interface UnansweredRequest {
  readonly response: ServerResponse;
  /** Where it stands in the list of all. */
  place: number;
}

/** Knows who still waits for an answer, and whether the service is on its way out. */
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

  /** @returns what `end` takes, once */
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

  /** From now on every answer ends its connection, the answers to what was asked before too: nobody asks once more on it. */
  drain(): void {
    this.#draining = true;
    for (const { response } of this.#unanswered) endConnectionAfter(response);
    for (const listener of this.#onDrain) listener();
  }

  /** For those who hold requests back on purpose: they let them go then. */
  onDrain(listener: () => void): void {
    this.#onDrain.push(listener);
  }

  /** Resolves when nobody waits for an answer. */
  whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#unanswered.length === 0) resolve();
      else this.#idle = resolve;
    });
  }
}

/** Node writes `Connection: close` then, and closes. */
function endConnectionAfter(response: ServerResponse): void {
  response.shouldKeepAlive = false;
}
