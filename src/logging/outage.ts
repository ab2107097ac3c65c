export interface OutageLines {
  away(reason: string): void;
  /** It is away for another reason than was said. Default: `away`. */
  stillAway?(reason: string): void;
  back(): void;
}

/**
 * Whether something that the service needs is away, for the log: one line when it goes, one for each further reason while it stays away, one
 * when it is back. However often it is tried, nothing is said twice.
 */
export class Outage {
  readonly #lines: OutageLines;
  readonly #unreached: ReadonlySet<string>;
  readonly #said = new Set<string>();

  /** @param unreached reasons that take turns while a server is not there; one of them is enough */
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
