import { unavailable } from '../../errors/tessera-error.ts';
import type { Deadline } from '../../runtime/deadline.ts';

// For memory alone: how long anyone waits is bounded by the deadline.
const MAX_WAITING = 1_000;

/** Lets a bounded number of operations run at one time, in order of arrival; the others wait within their deadline. */
export class OperationGate {
  readonly #places: number;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(places: number) {
    this.#places = places;
  }

  async run<T>(deadline: Deadline, work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#places) this.#running += 1;
    else await this.#turn(deadline);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  #turn(deadline: Deadline): Promise<void> {
    if (this.#waiting.size >= MAX_WAITING) throw unavailable('vault', 'too many operations are waiting');
    let enter: () => void = () => undefined;
    const turn = new Promise<void>((resolve) => {
      enter = resolve;
    });
    this.#waiting.add(enter);
    return deadline.wait(turn, () => {
      this.#waiting.delete(enter);
      throw unavailable('vault', 'all connections are busy');
    });
  }

  /** The place goes to the next one directly, so that a newcomer cannot slip in between. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running -= 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
