/** The object without members that are undefined. */
export function definedOf<Of extends object>(members: Of): { [Name in keyof Of]?: Exclude<Of[Name], undefined> } {
  const entries = Object.entries(members as Readonly<Record<string, unknown>>);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as {
    [Name in keyof Of]?: Exclude<Of[Name], undefined>;
  };
}
