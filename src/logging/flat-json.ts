/** Fields of an object without nesting. Undefined ones are left out. */
export type FlatFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** A text without these needs no escape: quotes, backslashes, control characters and lone surrogates (RFC 8259, sections 7 and 8.2). */
const NEEDS_ESCAPE = /["\\\p{Cc}\p{Cs}]/u;

/** The members of a JSON object, each after a comma: `,"name":"value"`. */
export function flatJsonMembers(fields: FlatFields): string {
  let members = '';
  for (const name in fields) {
    const value = fields[name];
    if (value !== undefined) members += `,"${name}":${typeof value === 'string' ? jsonText(value) : jsonScalar(value)}`;
  }
  return members;
}

/**
 * One member, for a line that is written without an object of its fields.
 *
 * @param start what stands before the value: a comma or brace, the name, a colon and the first quote
 * @returns nothing for an undefined value
 */
export function textMember(start: string, value: string | undefined): string {
  if (value === undefined) return '';
  return NEEDS_ESCAPE.test(value) ? start + JSON.stringify(value).slice(1) : `${start}${value}"`;
}

function jsonText(text: string): string {
  return NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** JSON has no infinity and no NaN. */
function jsonScalar(value: number | boolean): string {
  return typeof value === 'number' && !Number.isFinite(value) ? 'null' : String(value);
}
