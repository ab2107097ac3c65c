import type { ValidationErrors, Position } from '../validation-error.ts';
import { printable } from '../yaml-source.ts';

interface Reference {
  readonly kind: string;
  readonly name: string;
  readonly at: Position;
  readonly hint: string;
  readonly meaning: 'any' | 'once';
}

/**
 * Collects the names that one tenant of the file declares, and the references to them. References are resolved at the end, so the order of the
 * sections does not matter. A declaration counts even if the rest of its item is invalid, so that one mistake is not reported twice.
 */
export class NameRegistry {
  readonly #declared = new Map<string, Map<string, Position>>();
  readonly #aliases = new Map<string, number>();
  readonly #references: Reference[] = [];

  constructor(private readonly errors: ValidationErrors) {}

  /**
   * @param twice the message if the name is declared already; the position of the first one is added
   * @returns whether it is the first declaration
   */
  declare(kind: string, name: string, at: Position, twice: string): boolean {
    const names = this.#declared.get(kind) ?? new Map<string, Position>();
    this.#declared.set(kind, names);
    const first = names.get(name);
    if (first === undefined) names.set(name, at);
    else this.errors.add(at, `${twice} (the first is at ${first.line}:${first.column})`);
    return first === undefined;
  }

  /** Declares a name that may be declared several times. A reference with meaning `once` is then ambiguous. */
  alias(kind: string, name: string): void {
    const key = `${kind} ${name}`;
    this.#aliases.set(key, (this.#aliases.get(key) ?? 0) + 1);
  }

  /** @param meaning `once`: a name with several declarations is an error */
  refer(kind: string, name: string, at: Position, hint: string, meaning: Reference['meaning'] = 'any'): void {
    this.#references.push({ kind, name, at, hint, meaning });
  }

  settle(): void {
    for (const { kind, name, at, hint, meaning } of this.#references) {
      const count = this.#aliases.get(`${kind} ${name}`) ?? (this.#declared.get(kind)?.has(name) === true ? 1 : 0);
      if (count === 0) this.errors.add(at, `there is no ${kind} "${printable(name)}": ${hint}`);
      else if (count > 1 && meaning === 'once')
        this.errors.add(
          at,
          `${count} projects have a ${kind} "${printable(name)}": give each its own id to name one here`,
        );
    }
  }
}
