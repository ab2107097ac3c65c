/** Whether a user, an administrator, a client or a project is enabled. Every status other than `active` is refused. */
export type Status = 'active' | 'disabled';
export const STATUSES: readonly Status[] = Object.freeze(['active', 'disabled']);

export type TenantStatus = 'active' | 'suspended';
export const TENANT_STATUSES: readonly TenantStatus[] = Object.freeze(['active', 'suspended']);

/** Reads a tenant's status from the database. An unknown value counts as `suspended`. */
export function readTenantStatus(value: unknown): TenantStatus {
  return TENANT_STATUSES.find((status) => status === value) ?? 'suspended';
}

/** Reads a status from a database. An unknown value counts as `disabled`, which is refused everywhere. */
export function readStatus(value: unknown): Status {
  return STATUSES.find((status) => status === value) ?? 'disabled';
}
