import { unavailable } from '../../errors/tessera-error.ts';
import type { Deadline } from '../../runtime/deadline.ts';

// Limits memory; the deadline limits the waiting time.
const MAX_WAITING = 1_000;

/** Limits concurrent operations. The others wait in order of arrival, within their deadline. */
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

  /** Hands the slot directly to the next in line, so that a newcomer cannot take it first. */
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
