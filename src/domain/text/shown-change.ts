/** Stands for a name that holds an e-mail address. Tessera gives no such name, but SQL may have. */
const NAME_WITH_AT = '(a name with @)';

/** The path of a thing, such as `acme/u-ada`, for what is printed and recorded: neither holds an e-mail address. */
export function shownPath(path: string): string {
  if (!path.includes('@')) return path;
  const end = path.indexOf('/');
  return end === -1 || path.indexOf('@') < end ? NAME_WITH_AT : `${path.slice(0, end + 1)}${NAME_WITH_AT}`;
}

/** Whether `shownPath` has hidden the name at the end of this path. */
export function isHidden(path: string): boolean {
  return path.endsWith(NAME_WITH_AT);
}

/** Whether values may be printed and recorded: none holds an e-mail address, or a URL with a user or a query, which may be a secret. */
export function mayBeShown(...values: readonly unknown[]): boolean {
  const text = JSON.stringify(values);
  return !text.includes('@') && !/:\/\/[^"]*\?/.test(text);
}
