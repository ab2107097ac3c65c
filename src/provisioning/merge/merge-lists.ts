/**
 * Merges a list of things: those that are written, each merged with the one that exists, then those that are not written.
 *
 * @param written undefined: the list is left out
 * @param removeOthers whether things that are not written are removed from a list that is written
 */
export function mergeList<Written, Spec>(
  written: readonly Written[] | undefined,
  before: readonly Spec[],
  removeOthers: boolean,
  keyOf: (thing: Written | Spec) => string,
  merge: (written: Written, before: Spec | undefined) => Spec,
): readonly Spec[] {
  const present = new Map(before.map((thing) => [keyOf(thing), thing]));
  const named = new Set((written ?? []).map(keyOf));
  return [
    ...(written ?? []).map((thing) => merge(thing, present.get(keyOf(thing)))),
    ...(removeOthers && written !== undefined ? [] : before.filter((thing) => !named.has(keyOf(thing)))),
  ];
}

export function idOf({ id }: { readonly id: string }): string {
  return id;
}

export function nameOf({ name }: { readonly name: string }): string {
  return name;
}
