/** One connection serves everybody: what is in the line runs one at a time, each statement or whole transaction after the other. */
export class StatementLine {
  #last: Promise<unknown> | undefined;

  /** The last in the line; undefined when nothing runs. Look again after it has settled: another one may have come in between. */
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

  /** @returns what ends the turn */
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
