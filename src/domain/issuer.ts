import { parseTenantId, type TenantId } from './ids.ts';

/**
 * Formats a tenant's issuer URL, the `iss` of its tokens (RFC 8414, section 2). Use this function everywhere.
 *
 * @param publicUrl the configured base, without a slash at the end
 */
export function issuerOf(publicUrl: string, tenantId: string): string {
  return `${publicUrl}/tenants/${tenantId}`;
}

/**
 * The tenant whose issuer URL this is: exactly `<publicUrl>/tenants/<id>`, with no other case, no slash at the end and no default port.
 *
 * @returns undefined for any other value
 */
export function tenantOfIssuer(publicUrl: string, issuer: unknown): TenantId | undefined {
  return isIssuerOfThisService(publicUrl, issuer)
    ? parseTenantId(issuer.slice(issuerOf(publicUrl, '').length))
    : undefined;
}

/** Whether a URL has the form of this service's issuers, even if there is no such tenant. */
export function isIssuerOfThisService(publicUrl: string, issuer: unknown): issuer is string {
  return typeof issuer === 'string' && issuer.startsWith(issuerOf(publicUrl, ''));
}
