/**
 * Names of roles, groups, scopes and resources: RFC 6749, section 3.3 scope-token characters, 1 to 128 of them. ASCII only, so that no database's
 * collation decides whether two names are equal.
 */
const NAME_PATTERN = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;

export function isGrantName(value: unknown): value is string {
  return typeof value === 'string' && NAME_PATTERN.test(value);
}
