import type { VerificationKey } from '../keys/verification-key.ts';

/** Where an issuer's keys come from: a URL, or the caller's own list. */
export type KeyLocation =
  | { readonly issuer: string; readonly jwksUrl: string; readonly keys?: undefined }
  | { readonly issuer: string; readonly jwksUrl?: undefined; readonly keys: ReadonlyMap<string, VerificationKey> };

/** Whose tokens are accepted. Given an issuer that is not trusted it gives nothing, so that there is nothing to ask. */
export interface TrustedIssuers {
  /** The issuers that the options name. They are never forgotten. */
  readonly listed: readonly KeyLocation[];
  /** Any issuer that the options cover without naming it. */
  locateUnlisted(issuer: string): KeyLocation | undefined;
}

export const TENANT_ID = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** The part of an issuer before `/tenants/<id>`. */
export function baseOf(issuer: string): string | undefined {
  const at = issuer.lastIndexOf('/tenants/');
  return at > 0 && TENANT_ID.test(issuer.slice(at + '/tenants/'.length)) ? issuer.slice(0, at) : undefined;
}

export function issuersByName(listed: readonly KeyLocation[]): TrustedIssuers {
  return { listed, locateUnlisted: () => undefined };
}

/** `fetchBaseUrl` is only where to ask; the issuer is what the token says, byte for byte. */
export function tenantLocation(baseUrl: string, fetchBaseUrl: string, tenantId: string): KeyLocation {
  return { issuer: `${baseUrl}/tenants/${tenantId}`, jwksUrl: `${fetchBaseUrl}/tenants/${tenantId}/jwks.json` };
}

/** All tenants of one Tessera. The id goes into a URL, so its form is checked first. */
export function issuersBelow(baseUrl: string, fetchBaseUrl: string): TrustedIssuers {
  const prefix = `${baseUrl}/tenants/`;
  return {
    listed: [],
    locateUnlisted: (issuer) => {
      if (!issuer.startsWith(prefix)) return undefined;
      const tenantId = issuer.slice(prefix.length);
      return TENANT_ID.test(tenantId) ? tenantLocation(baseUrl, fetchBaseUrl, tenantId) : undefined;
    },
  };
}
