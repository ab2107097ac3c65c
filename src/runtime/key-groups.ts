/** The keys of a cache by what they belong to, so that all of one can be found without reading all others. */
export class KeyGroups<K extends string> {
  readonly #groupOf: (key: K) => string;
  readonly #groups = new Map<string, Set<K>>();

  constructor(groupOf: (key: K) => string) {
    this.#groupOf = groupOf;
  }

  add(key: K): void {
    const group = this.#groupOf(key);
    const keys = this.#groups.get(group);
    if (keys === undefined) this.#groups.set(group, new Set([key]));
    else keys.add(key);
  }

  delete(key: K): void {
    const group = this.#groupOf(key);
    const keys = this.#groups.get(group);
    if (keys?.delete(key) === true && keys.size === 0) this.#groups.delete(group);
  }

  of(group: string): readonly K[] {
    return [...(this.#groups.get(group) ?? [])];
  }
}
