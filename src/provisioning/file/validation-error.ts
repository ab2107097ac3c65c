/** Where something stands in the file, both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong with a tenants file. The message names keys and ids, never a value that could be a person or a secret. */
export interface Fault extends Position {
  readonly message: string;
}

/** Collects what is wrong, so that an operator sees everything at once. */
export class Faults {
  readonly #faults: Fault[] = [];

  add(at: Position, message: string): void {
    this.#faults.push({ line: at.line, column: at.column, message });
  }

  /** In the order of the file. */
  list(): readonly Fault[] {
    return [...this.#faults].sort((a, b) => a.line - b.line || a.column - b.column);
  }
}
