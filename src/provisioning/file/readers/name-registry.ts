import type { ValidationErrors, Position } from '../validation-error.ts';

/**
 * Collects the names that a file declares, and reports those that it declares twice. A declaration counts even if the rest of its item is invalid, so
 * that one mistake is not reported twice. References are checked later, when the file is merged with what exists.
 */
export class NameRegistry {
  readonly #declared = new Map<string, Map<string, Position>>();

  constructor(private readonly errors: ValidationErrors) {}

  /** @param twice the message if the name is declared already; the position of the first one is added */
  declare(kind: string, name: string, at: Position, twice: string): void {
    const names = this.#declared.get(kind) ?? new Map<string, Position>();
    this.#declared.set(kind, names);
    const first = names.get(name);
    if (first === undefined) names.set(name, at);
    else this.errors.add(at, `${twice} (the first is at ${first.line}:${first.column})`);
  }
}
