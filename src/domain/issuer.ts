/**
 * Formats a tenant's issuer URL, the `iss` of its tokens (RFC 8414, section 2). Use this function everywhere.
 *
 * @param publicUrl the configured base, without a slash at the end
 */
export function issuerOf(publicUrl: string, tenantId: string): string {
  return `${publicUrl}/tenants/${tenantId}`;
}
