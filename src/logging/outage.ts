export interface OutageLines {
  away(reason: string): void;
  /** The dependency is still away, for a reason not logged yet. Default: `away`. */
  stillAway?(reason: string): void;
  back(): void;
}

/** Logs the outage of a dependency: one line when it starts, one for each further reason, one when it is over. Repeated failures log nothing more. */
export class Outage {
  readonly #lines: OutageLines;
  readonly #unreached: ReadonlySet<string>;
  readonly #said = new Set<string>();

  /** @param unreached reasons that alternate while a server is unreachable; only one of them is logged */
  constructor(lines: OutageLines, unreached: readonly string[]) {
    this.#lines = lines;
    this.#unreached = new Set(unreached);
  }

  get isOn(): boolean {
    return this.#said.size > 0;
  }

  away(reason: string): void {
    const said = this.#unreached.has(reason) ? 'not reached' : reason;
    if (this.#said.has(said)) return;
    const isFirst = !this.isOn;
    this.#said.add(said);
    if (isFirst || this.#lines.stillAway === undefined) this.#lines.away(reason);
    else this.#lines.stillAway(reason);
  }

  back(): void {
    if (!this.isOn) return;
    this.#said.clear();
    this.#lines.back();
  }
}
