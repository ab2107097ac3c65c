declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type TenantId = Branded<'TenantId'>;
export type ProjectId = Branded<'ProjectId'>;
export type ClientId = Branded<'ClientId'>;
/** The id of a trusted issuer within its tenant's configuration, not the issuer's URL. */
export type TrustId = Branded<'TrustId'>;

export const ID_PATTERN = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** Every id passes this check. A valid id is safe in a path, a query and a cache key. */
function isId(value: unknown): value is string {
  return typeof value === 'string' && ID_PATTERN.test(value);
}

export function parseTenantId(value: unknown): TenantId | undefined {
  return isId(value) ? (value as TenantId) : undefined;
}

export function parseProjectId(value: unknown): ProjectId | undefined {
  return isId(value) ? (value as ProjectId) : undefined;
}

export function parseClientId(value: unknown): ClientId | undefined {
  return isId(value) ? (value as ClientId) : undefined;
}

export function parseTrustId(value: unknown): TrustId | undefined {
  return isId(value) ? (value as TrustId) : undefined;
}
