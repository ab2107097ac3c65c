/** One row of the settings table: the setting's meaning, its values and its default. */
export interface Setting<Value> {
  readonly description: string;
  /** Completes the sentence "NAME must be …". The invalid value itself is never shown: it may be a secret in the wrong place. */
  readonly expected: string;
  /** @returns undefined when the text is not acceptable */
  readonly parse: (text: string) => Value | undefined;
  /** Parsed like any value. If undefined, `absent` says what the absence means. */
  readonly fallback?: string;
  readonly absent?: string;
  readonly secret?: true;
  /** Set for lists, which may be empty. For any other setting an empty value is a mistake (a variable that was not filled in). */
  readonly mayBeEmpty?: true;
}

/** A setting that always has a value. */
export type SettingWithFallback<Value> = Setting<Value> & { readonly fallback: string };

/** The parsed values by setting. The type of a row without `fallback` includes `undefined`. */
export type SettingValues<Table extends Readonly<Record<string, Setting<unknown>>>> = {
  readonly [Name in keyof Table]: Table[Name] extends SettingWithFallback<infer Value>
    ? Value
    : Table[Name] extends Setting<infer Value>
      ? Value | undefined
      : never;
};
