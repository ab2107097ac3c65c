import type { Place } from '../file/partial-tenants-file.ts';
import type { ListName, Thing } from './thing.ts';

/** One thing of the merged tenant, beside its state before and what the file says about it. */
export interface Compared<Spec> {
  readonly thing: Thing;
  readonly before: Spec | undefined;
  readonly after: Spec;
  readonly wrote: (member: string) => boolean;
}

interface Written {
  readonly place?: Place | undefined;
}

/** The things of a list after the apply. */
export function compare<Spec>(
  list: ListName,
  written: readonly (Written & NoInfer<Partial<Record<keyof Spec, unknown>>>)[] | undefined,
  before: readonly Spec[],
  after: readonly Spec[],
  keyOf: (one: Spec) => string,
): Compared<Spec>[] {
  const said = new Map((written ?? []).map((one) => [keyOf(one as Spec), one]));
  const had = new Map(before.map((one) => [keyOf(one), one]));
  return after.map((one) => {
    const name = keyOf(one);
    const own = said.get(name);
    return {
      thing: { list, name, place: own?.place },
      before: had.get(name),
      after: one,
      wrote: (member) => (own as Record<string, unknown> | undefined)?.[member] !== undefined,
    };
  });
}
