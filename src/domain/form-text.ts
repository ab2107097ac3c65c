/** The parameters of a form by name; a parameter without a value is absent (RFC 6749, section 3.2). */
export type FormParameters = ReadonlyMap<string, string>;

/** @returns undefined for an invalid escape or invalid UTF-8 */
export function decodeFormText(text: string): string | undefined {
  // Most names and values, tokens included, have nothing to decode: the decoder alone would cost as much as the rest of the form.
  if (!text.includes('%') && !text.includes('+')) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
