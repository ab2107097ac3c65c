/**
 * The token type in a header's `typ` (RFC 8725, section 3.11). With the same key, issuers also sign logout tokens, proofs of possession, request
 * objects and introspection answers. Most of these have their own `typ`, so that they are not confused.
 */
export type SubjectTokenType = string & { readonly __brand: 'SubjectTokenType' };

// RFC 6838, section 4.2. Checked before lower-casing, because two non-ASCII letters may become the same one.
const MEDIA_TYPE = /^(?:[A-Za-z0-9][\w!#$&^.+-]{0,126}\/)?[A-Za-z0-9][\w!#$&^.+-]{0,126}$/;

/**
 * Parses a media type in `typ` to its canonical form: lower case, because media types are case-insensitive, and without `application/`, which the
 * header may leave out (RFC 7515, section 4.1.9).
 *
 * @returns undefined for a text that is not a media type
 */
export function parseSubjectTokenType(text: string): SubjectTokenType | undefined {
  if (!MEDIA_TYPE.test(text)) return undefined;
  return text.toLowerCase().replace(/^application\//, '') as SubjectTokenType;
}

/** ID tokens have `JWT` or no `typ`, access tokens `at+jwt` (RFC 9068, section 2.1). Any other type must be listed for the trusted issuer. */
const USUAL_TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt']);

/**
 * @param type undefined: the header has no `typ`
 * @param named the further types that the trusted issuer is configured with
 */
export function isTypeAllowed(type: SubjectTokenType | undefined, named: readonly string[]): boolean {
  return type === undefined || USUAL_TYPES.has(type) || named.includes(type);
}
