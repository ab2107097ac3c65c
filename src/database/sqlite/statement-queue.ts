/** A queue for the one connection: statements and whole transactions run one after the other. */
export class StatementQueue {
  #last: Promise<unknown> | undefined;

  /** The last entry in the queue; undefined if nothing runs. Check again after it has settled: another one may have been added. */
  get last(): Promise<unknown> | undefined {
    return this.#last;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const end = await this.take();
    try {
      return await work();
    } finally {
      end();
    }
  }

  /** Waits until the queue is free. @returns a function that releases it */
  async take(): Promise<() => void> {
    while (this.#last !== undefined) await this.#last;
    let end: () => void = () => undefined;
    const turn = new Promise<void>((resolve) => (end = resolve));
    this.#last = turn;
    return () => {
      if (this.#last === turn) this.#last = undefined;
      end();
    };
  }
}
