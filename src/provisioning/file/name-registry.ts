import type { Faults, Position } from './validation-error.ts';
import { printable } from './yaml-source.ts';

interface Reference {
  readonly kind: string;
  readonly name: string;
  readonly at: Position;
  readonly hint: string;
  readonly meaning: 'any' | 'once';
}

/**
 * What one tenant of the file declares, and what refers to it. References are settled at the end, so that the order of the sections
 * does not matter; a declaration counts even when the rest of its item has a fault, so that one slip is not reported twice.
 */
export class NameRegistry {
  readonly #declared = new Map<string, Map<string, Position>>();
  readonly #aliases = new Map<string, number>();
  readonly #references: Reference[] = [];

  constructor(private readonly faults: Faults) {}

  /**
   * @param twice what to say when it is there already; the place of the first is added
   * @returns whether it is the first
   */
  declare(kind: string, name: string, at: Position, twice: string): boolean {
    const names = this.#declared.get(kind) ?? new Map<string, Position>();
    this.#declared.set(kind, names);
    const first = names.get(name);
    if (first === undefined) names.set(name, at);
    else this.faults.add(at, `${twice} (the first is at ${first.line}:${first.column})`);
    return first === undefined;
  }

  /** A name that may be declared several times, but then cannot be referred to as one. */
  alias(kind: string, name: string): void {
    const key = `${kind} ${name}`;
    this.#aliases.set(key, (this.#aliases.get(key) ?? 0) + 1);
  }

  /** @param meaning `once`: a name that stands for several things is a fault */
  refer(kind: string, name: string, at: Position, hint: string, meaning: Reference['meaning'] = 'any'): void {
    this.#references.push({ kind, name, at, hint, meaning });
  }

  settle(): void {
    for (const { kind, name, at, hint, meaning } of this.#references) {
      const count = this.#aliases.get(`${kind} ${name}`) ?? (this.#declared.get(kind)?.has(name) === true ? 1 : 0);
      if (count === 0) this.faults.add(at, `there is no ${kind} "${printable(name)}": ${hint}`);
      else if (count > 1 && meaning === 'once')
        this.faults.add(
          at,
          `${count} projects have a ${kind} "${printable(name)}": give each its own id to name one here`,
        );
    }
  }
}
