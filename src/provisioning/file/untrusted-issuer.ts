import { parseTrustId } from '../../domain/ids.ts';

/**
 * How a tenants file names the issuer of an identity when the tenant no longer trusts it: by its own text, in angle brackets if that could be the id of
 * another issuer. Otherwise the identity would move to that issuer.
 */
export function untrustedIssuerName(issuer: string): string {
  return parseTrustId(issuer) !== undefined || issuer.startsWith('<') ? `<${issuer}>` : issuer;
}
