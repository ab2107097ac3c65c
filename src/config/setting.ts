/** One row of the settings table: what it means, what it takes, and what holds when it is absent. */
export interface Setting<Value> {
  readonly description: string;
  /** Completes the sentence "NAME must be …". The faulty value itself is never shown: it may be a secret in the wrong place. */
  readonly expected: string;
  /** @returns undefined when the text is not acceptable */
  readonly parse: (text: string) => Value | undefined;
  /** Parsed like any value; undefined: absence has a meaning of its own, told by `absent`. */
  readonly fallback?: string;
  readonly absent?: string;
  readonly secret?: true;
  /** An empty list is a list; any other empty value is a mistake (a variable that was not filled in). */
  readonly mayBeEmpty?: true;
}

/** A setting that always has a value. */
export type SettingWithFallback<Value> = Setting<Value> & { readonly fallback: string };

/** What the environment said, by setting: the type of a row without `fallback` has `undefined` in it. */
export type SettingValues<Table extends Readonly<Record<string, Setting<unknown>>>> = {
  readonly [Name in keyof Table]: Table[Name] extends SettingWithFallback<infer Value>
    ? Value
    : Table[Name] extends Setting<infer Value>
      ? Value | undefined
      : never;
};
