import type { VerificationKey } from '../keys/verification-key.ts';

/** Where an issuer's keys come from: a URL, or the options themselves. */
export type KeyLocation =
  | { readonly issuer: string; readonly jwksUrl: string; readonly keys?: undefined }
  | { readonly issuer: string; readonly jwksUrl?: undefined; readonly keys: ReadonlyMap<string, VerificationKey> };

/** The issuers whose tokens are accepted. Any other issuer has no location, so nothing can be fetched for it. */
export interface TrustedIssuers {
  /** The issuers that the options name. They are never evicted. */
  readonly listed: readonly KeyLocation[];
  /** The base URL of the Tessera whose tenants are all trusted, without being listed. */
  readonly allTenantsOf?: string;
  readonly trusts: (issuer: string) => boolean;
  /** For an issuer that the options cover without naming it. */
  locateUnlisted(issuer: string): KeyLocation | undefined;
}

export const TENANT_ID = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** The part of an issuer before `/tenants/<id>`. */
export function baseOf(issuer: string): string | undefined {
  const at = issuer.lastIndexOf('/tenants/');
  return at > 0 && TENANT_ID.test(issuer.slice(at + '/tenants/'.length)) ? issuer.slice(0, at) : undefined;
}

export function issuersByName(listed: readonly KeyLocation[]): TrustedIssuers {
  const names = new Set(listed.map(({ issuer }) => issuer));
  return { listed, trusts: (issuer) => names.has(issuer), locateUnlisted: () => undefined };
}

/** `fetchBaseUrl` only says where to fetch. The issuer must equal `iss` byte for byte. */
export function tenantLocation(baseUrl: string, fetchBaseUrl: string, tenantId: string): KeyLocation {
  return { issuer: `${baseUrl}/tenants/${tenantId}`, jwksUrl: `${fetchBaseUrl}/tenants/${tenantId}/jwks.json` };
}

/** All tenants of one Tessera. The form of a tenant id is checked first, because the id becomes a part of a URL. */
export function issuersBelow(baseUrl: string, fetchBaseUrl: string): TrustedIssuers {
  const prefix = `${baseUrl}/tenants/`;
  const locateUnlisted = (issuer: string): KeyLocation | undefined => {
    if (!issuer.startsWith(prefix)) return undefined;
    const tenantId = issuer.slice(prefix.length);
    return TENANT_ID.test(tenantId) ? tenantLocation(baseUrl, fetchBaseUrl, tenantId) : undefined;
  };
  return {
    listed: [],
    allTenantsOf: baseUrl,
    trusts: (issuer) => locateUnlisted(issuer) !== undefined,
    locateUnlisted,
  };
}
