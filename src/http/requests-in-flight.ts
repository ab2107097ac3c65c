import type { ServerResponse } from 'node:http';

/** Knows who still waits for an answer, and whether the service is on its way out. */
export class RequestsInFlight {
  readonly #unanswered = new Set<ServerResponse>();
  #draining = false;
  #idle: (() => void) | undefined;
  readonly #onDrain: (() => void)[] = [];

  get count(): number {
    return this.#unanswered.size;
  }

  get draining(): boolean {
    return this.#draining;
  }

  begin(response: ServerResponse): void {
    this.#unanswered.add(response);
    if (this.#draining) endConnectionAfter(response);
  }

  end(response: ServerResponse): void {
    this.#unanswered.delete(response);
    if (this.#unanswered.size === 0) this.#idle?.();
  }

  /** From now on every answer ends its connection, the answers to what was asked before too: nobody asks once more on it. */
  drain(): void {
    this.#draining = true;
    for (const response of this.#unanswered) endConnectionAfter(response);
    for (const listener of this.#onDrain) listener();
  }

  /** For those who hold requests back on purpose: they let them go then. */
  onDrain(listener: () => void): void {
    this.#onDrain.push(listener);
  }

  /** Resolves when nobody waits for an answer. */
  whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#unanswered.size === 0) resolve();
      else this.#idle = resolve;
    });
  }
}

/** Node writes `Connection: close` then, and closes. */
function endConnectionAfter(response: ServerResponse): void {
  response.shouldKeepAlive = false;
}
