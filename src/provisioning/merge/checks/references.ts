import { printable } from '../../file/source-node.ts';
import type { Compared } from '../compare.ts';
import type { Faults } from '../thing.ts';

/** The things of one kind that others name. */
export class References {
  readonly #kind: string;
  readonly #before: ReadonlySet<string>;
  readonly #after: ReadonlySet<string>;
  readonly #faults: Faults;

  constructor(kind: string, before: readonly string[], after: readonly string[], faults: Faults) {
    this.#kind = kind;
    this.#before = new Set(before);
    this.#after = new Set(after);
    this.#faults = faults;
  }

  check({ thing, wrote }: Compared<unknown>, member: string, names: readonly string[]): void {
    for (const name of names) {
      if (this.#after.has(name)) continue;
      const missing = `there is no ${this.#kind} "${printable(name)}"`;
      if (wrote(member))
        this.#faults.add(thing, member, `${missing}: declare it under "${this.#kind}s" of this tenant`, name);
      else if (this.#before.has(name))
        this.#faults.add(thing, member, `${missing} after this: keep it in the file, or write this member too`);
    }
  }
}
