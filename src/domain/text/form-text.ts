/** The parameters of a form by name; a parameter without a value is absent (RFC 6749, section 3.2). */
export type FormParameters = ReadonlyMap<string, string>;

/** @returns undefined for an invalid escape or invalid UTF-8 */
export function decodeFormText(text: string): string | undefined {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  // Most names and values, tokens included, have no escapes: the decoder alone would cost as much as the rest of the form.
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return undefined;
  }
}
