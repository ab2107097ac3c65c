/**
 * What kind of token a header says that it is (RFC 8725, section 3.11). Issuers sign more with one key than tokens to log in with: logout tokens, proofs of
 * possession, request objects, introspection answers. Most of those name themselves in `typ`, so that nobody takes one for another.
 */
export type ForeignTokenType = string & { readonly __brand: 'ForeignTokenType' };

// RFC 6838, section 4.2. Checked before the case is folded: beyond ASCII two letters may fold to one.
const MEDIA_TYPE = /^(?:[A-Za-z0-9][\w!#$&^.+-]{0,126}\/)?[A-Za-z0-9][\w!#$&^.+-]{0,126}$/;

/**
 * The one writing of a media type in `typ`: lower case, because media types have no case, and without an `application/` that the header may leave out
 * (RFC 7515, section 4.1.9).
 *
 * @returns undefined for what is no media type
 */
export function parseForeignTokenType(text: string): ForeignTokenType | undefined {
  if (!MEDIA_TYPE.test(text)) return undefined;
  return text.toLowerCase().replace(/^application\//, '') as ForeignTokenType;
}

/** ID tokens say `JWT` or nothing, access tokens `at+jwt` (RFC 9068, section 2.1). Any other kind is taken from an issuer that is trusted with it by name. */
const EVERYBODYS: ReadonlySet<string> = new Set(['jwt', 'at+jwt']);

/**
 * @param type undefined: the header does not say
 * @param named what the trusted issuer is trusted with besides
 */
export function isTypeAllowed(type: ForeignTokenType | undefined, named: readonly string[]): boolean {
  return type === undefined || EVERYBODYS.has(type) || named.includes(type);
}
