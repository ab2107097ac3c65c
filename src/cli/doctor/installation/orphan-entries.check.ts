import {
  ALL_FOLDERS,
  clientSecretPath,
  databaseCredentialsPath,
  digestKeyPath,
  keyRingPath,
  tenantSecretsFolder,
  type VaultPath,
} from '../../../vault/vault-path.ts';
import type { InstallationFacts } from '../facts.ts';
import type { Check, Found } from '../finding.ts';

/** Entries that are named in one finding. */
const NAMED = 5;

/** Every entry of the secret store belongs to a tenant or a client that exists. */
export const orphanEntriesCheck: Check<InstallationFacts> = {
  name: 'orphan-entries',
  needsVault: true,
  run: async ({ stores, tenants, only }) => {
    const { vault, controlPlane, config } = stores;
    const used = new Set<VaultPath>(tenants.flatMap(({ tenant }) => pathsOf(tenant)));
    const ids = new Set<string>(tenants.map(({ tenant }) => tenant.id));
    const removed = new Set<string>((await controlPlane.readTombstones()).map(({ tenantId }) => tenantId));
    const orphans = new Map<string, VaultPath[]>();
    for (const folder of only === undefined ? ALL_FOLDERS : [tenantSecretsFolder(only)])
      for (const path of await vault.list(folder)) {
        if (used.has(path)) continue;
        const tenantId = path.split('/')[1] ?? '';
        orphans.set(tenantId, [...(orphans.get(tenantId) ?? []), path]);
      }
    const deletion = (path: VaultPath) =>
      config.vault.kind === 'vault'
        ? `vault kv metadata delete -mount=${config.vault.mount} ${path}`
        : `rm ${config.dataDirectory}/vault/${path}.sealed`;
    return [...orphans].flatMap(([tenantId, paths]): Found[] => {
      if (removed.has(tenantId)) return [ofRemovedTenant(tenantId, paths)];
      if (!ids.has(tenantId)) return [ofNoTenant(tenantId, paths, deletion)];
      return paths.map((path) => ({
        severity: 'warning',
        object: path,
        problem: path.startsWith('secret/')
          ? 'the secrets of a client that does not exist'
          : 'credentials of a database, but the database of the tenant is embedded',
        // Purge destroys secrets of removed clients, and nothing else of a tenant that exists.
        command: path.startsWith('secret/') ? 'tessera purge --dry-run, then tessera purge --yes' : deletion(path),
      }));
    });
  },
};

function pathsOf(tenant: InstallationFacts['tenants'][number]['tenant']): VaultPath[] {
  const { id, projects, database } = tenant;
  return [
    keyRingPath(id),
    digestKeyPath(id),
    ...(database.driver === 'mysql' ? [databaseCredentialsPath(id)] : []),
    ...[...projects.values()].flatMap((project) =>
      [...project.clients.keys()].map((clientId) => clientSecretPath(id, project.id, clientId)),
    ),
  ];
}

function ofRemovedTenant(tenantId: string, paths: readonly VaultPath[]): Found {
  return {
    severity: 'warning',
    object: `tenant ${tenantId}`,
    problem: `it was removed, and its entries are still in the secret store: ${named(paths)}`,
    command: 'tessera purge --dry-run, then tessera purge --yes',
  };
}

function ofNoTenant(tenantId: string, paths: readonly VaultPath[], deletion: (path: VaultPath) => string): Found {
  return {
    severity: 'warning',
    object: `tenant ${tenantId}`,
    problem: `it does not exist, and the secret store has entries for it: ${named(paths)}`,
    command: paths.slice(0, NAMED).map(deletion).join('; '),
  };
}

function named(paths: readonly VaultPath[]): string {
  return `${paths.slice(0, NAMED).join(', ')}${paths.length > NAMED ? `, and ${paths.length - NAMED} more` : ''}`;
}
