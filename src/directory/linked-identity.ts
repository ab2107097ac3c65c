import { ISSUER_LENGTH, SUB_LENGTH } from '../control-plane/entities/tenant.entity.ts';

const PRINTABLE_ASCII = /^[\x21-\x7e]+$/;

/**
 * Whether somebody at a foreign issuer can be linked at all: printable ASCII without spaces (OpenID Connect Core 1.0, section 2
 * says ASCII and 255 at most of `sub`). What cannot be written exactly cannot be compared exactly; such a person is unknown.
 */
export function isLinkable(issuer: string, sub: string): boolean {
  return (
    issuer.length <= ISSUER_LENGTH &&
    sub.length <= SUB_LENGTH &&
    PRINTABLE_ASCII.test(issuer) &&
    PRINTABLE_ASCII.test(sub)
  );
}
