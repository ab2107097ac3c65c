declare const brand: unique symbol;

/** An address in ASCII lower case: the only form by which people are looked up and compared. */
export type CanonicalEmail = string & { readonly [brand]: 'CanonicalEmail' };

export interface EmailAddress {
  readonly original: string;
  readonly canonical: CanonicalEmail;
  /** ASCII lower case, without a trailing dot. */
  readonly domain: string;
}

// RFC 5321, 4.5.3.1: a path is at most 256 octets with its angle brackets.
const MAX_LENGTH = 254;
// Printable ASCII without space: no Unicode normalization, case folding or collation can make two different addresses equal.
const LOCAL_PART = /^[\x21-\x3f\x41-\x7e]{1,64}$/;
const DOMAIN = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;

/**
 * Parses an email address: ASCII, exactly one `@`, no white space, at most 254 characters. Use this function everywhere.
 *
 * Only A-Z are lower-cased, because `String.prototype.toLowerCase` maps the Kelvin sign to `k`. The check for ASCII comes first for the same reason.
 *
 * @returns undefined for anything else
 */
export function parseEmail(value: unknown): EmailAddress | undefined {
  if (typeof value !== 'string' || value.length > MAX_LENGTH) return undefined;
  const at = value.indexOf('@');
  if (at < 1 || at !== value.lastIndexOf('@')) return undefined;
  const localPart = value.slice(0, at);
  if (!LOCAL_PART.test(localPart)) return undefined;
  const domain = lowerCaseAscii(value.slice(at + 1));
  if (!DOMAIN.test(domain)) return undefined;
  return { original: value, canonical: `${lowerCaseAscii(localPart)}@${domain}` as CanonicalEmail, domain };
}

/** Lower-cases A-Z only; other characters stay as they are. */
export function lowerCaseAscii(text: string): string {
  if (!/[A-Z]/.test(text)) return text;
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
