/**
 * Splits a JSON pointer into the names of members (RFC 6901, section 3).
 *
 * @returns undefined for a text that is no pointer: one without a leading `/`, or with a `~` that begins neither `~0` nor `~1`
 */
export function parseJsonPointer(text: string): readonly string[] | undefined {
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return undefined;
  // In one pass: `~01` is `~1`, not `/` (RFC 6901, section 4).
  return text
    .slice(1)
    .split('/')
    .map((name) => name.replace(/~[01]/g, (escape) => (escape === '~1' ? '/' : '~')));
}

/**
 * The value of a claim that is named as in the tenants file: a JSON pointer if the name starts with `/`, otherwise the name of a top-level claim.
 * Dots and inner slashes belong to the name. A pointer does not index lists: who is first in a list says nothing.
 *
 * @returns undefined if there is no such claim
 */
export function claimAt(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  const path = name.startsWith('/') ? parseJsonPointer(name) : [name];
  if (path === undefined) return undefined;
  let value: unknown = claims;
  for (const member of path) {
    // Only own members: no token has a claim because Object.prototype has it.
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, member))
      return undefined;
    value = (value as Readonly<Record<string, unknown>>)[member];
  }
  return value;
}
