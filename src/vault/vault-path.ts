import { type ClientId, ID_PATTERN, type ProjectId, type TenantId } from '../domain/ids.ts';

declare const brand: unique symbol;

/** A path below the KV mount. Only the functions here make it, from valid ids, so it needs no escaping and allows no path traversal. */
export type VaultPath = string & { readonly [brand]: 'VaultPath' };

/** A folder below the KV mount that can be listed or purged. */
export type VaultFolder = string & { readonly [brand]: 'VaultFolder' };

export function clientSecretPath(tenantId: TenantId, projectId: ProjectId, clientId: ClientId): VaultPath {
  return `secret/${tenantId}/${projectId}/${clientId}` as VaultPath;
}

export function keyRingPath(tenantId: TenantId): VaultPath {
  return `keys/${tenantId}` as VaultPath;
}

export function digestKeyPath(tenantId: TenantId): VaultPath {
  return `audit/${tenantId}` as VaultPath;
}

export function databaseCredentialsPath(tenantId: TenantId): VaultPath {
  return `database/${tenantId}` as VaultPath;
}

export function tenantSecretsFolder(tenantId: TenantId): VaultFolder {
  return `secret/${tenantId}` as VaultFolder;
}

/** The folders that hold everything that the service stores. */
export const ALL_FOLDERS: readonly VaultFolder[] = ['secret', 'keys', 'audit', 'database'] as string[] as VaultFolder[];

/** @returns undefined for a name that the service never makes: others may have put entries into the store */
export function parseVaultPath(text: string): VaultPath | undefined {
  return text.split('/').every((segment) => ID_PATTERN.test(segment)) ? (text as VaultPath) : undefined;
}
