import { ISSUER_LENGTH, SUB_LENGTH } from '../control-plane/entities/tenant.entity.ts';

const PRINTABLE_ASCII = /^[\x21-\x7e]+$/;

/**
 * Whether a person at a trusted issuer can be linked: both texts are printable ASCII without spaces (OpenID Connect Core 1.0, section 2: `sub` has at
 * most 255 ASCII characters). Other texts cannot be compared exactly, so such a person is unknown.
 */
export function isLinkable(issuer: string, sub: string): boolean {
  return (
    issuer.length <= ISSUER_LENGTH &&
    sub.length <= SUB_LENGTH &&
    PRINTABLE_ASCII.test(issuer) &&
    PRINTABLE_ASCII.test(sub)
  );
}
