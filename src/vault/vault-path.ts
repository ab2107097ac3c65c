import { type ClientId, ID_PATTERN, type ProjectId, type TenantId } from '../domain/ids.ts';

declare const brand: unique symbol;

/** A path below the KV mount. Made by the functions here alone, from ids that were checked: nothing to escape, nothing to traverse. */
export type VaultPath = string & { readonly [brand]: 'VaultPath' };

/** A folder below the KV mount that can be listed or purged. */
export type VaultFolder = string & { readonly [brand]: 'VaultFolder' };

export function clientSecretPath(tenantId: TenantId, projectId: ProjectId, clientId: ClientId): VaultPath {
  return `secret/${tenantId}/${projectId}/${clientId}` as VaultPath;
}

export function keyRingPath(tenantId: TenantId): VaultPath {
  return `keys/${tenantId}` as VaultPath;
}

export function databaseCredentialsPath(tenantId: TenantId): VaultPath {
  return `database/${tenantId}` as VaultPath;
}

export function tenantSecretsFolder(tenantId: TenantId): VaultFolder {
  return `secret/${tenantId}` as VaultFolder;
}

/** @returns undefined for a name that the service never makes: a store may hold what others put there */
export function parseVaultPath(text: string): VaultPath | undefined {
  return text.split('/').every((segment) => ID_PATTERN.test(segment)) ? (text as VaultPath) : undefined;
}
