import type { DirectoryState } from '../../src/directory/provisioning/directory-state.ts';
import type { DirectoryWriter } from '../../src/directory/provisioning/directory.writer.ts';
import { DirectoryOpener } from '../../src/directory/provisioning/directory.opener.ts';
import type { Tenant } from '../../src/tenancy/tenant.ts';
import type { VaultService } from '../../src/vault/vault.service.ts';
import type { RunningMariaDb } from './mariadb.ts';
import { placeCredentials } from './mysql-config.ts';
import { storageConfig, tenantDraft } from './storage.ts';

/** One user with one role, scope and group. */
export const SMALL_DIRECTORY: DirectoryState = {
  scopes: [{ name: 'orders:read', resource: 'orders' }],
  roles: [{ name: 'reader', scopes: ['orders:read'] }],
  groups: [{ name: 'sales', roles: ['reader'] }],
  users: [{ id: 'u-ada', email: 'ada@acme.example', status: 'active', roles: [], groups: ['sales'], identities: [] }],
};

/** The tenant as a server has it in memory, with a directory on MariaDB; the port may be a proxy's. */
export function tenantOn(server: Pick<RunningMariaDb, 'host'>, port: number, id: string): Tenant {
  const database = { driver: 'mysql', host: server.host, port, name: `d_${id}` } as const;
  return { ...tenantDraft(id, { database }).tenant, version: 1 };
}

/** Makes the tenant's database with its own user, puts the credentials into Vault, and fills the directory. */
export async function provisionDirectory(
  server: RunningMariaDb,
  vault: VaultService,
  id: string,
  state: DirectoryState = SMALL_DIRECTORY,
): Promise<void> {
  const name = `d_${id}`;
  await server.createTenantDatabase(name);
  await placeCredentials(vault, id, { username: name, password: `${name}-password` });
  const opener = new DirectoryOpener(storageConfig('/nonexistent'), vault);
  await fill(await opener.open(tenantOn(server, server.port, id)), state);
}

/** The same in the tenant's SQLite file. */
export async function provisionEmbeddedDirectory(
  dataDirectory: string,
  vault: VaultService,
  tenant: Pick<Tenant, 'id' | 'database'>,
  state: DirectoryState = SMALL_DIRECTORY,
): Promise<void> {
  await fill(await new DirectoryOpener(storageConfig(dataDirectory), vault).open(tenant), state);
}

async function fill(writer: DirectoryWriter, state: DirectoryState): Promise<void> {
  await writer.migrate();
  await writer.apply({
    scopes: { put: state.scopes, remove: [] },
    roles: { put: state.roles, remove: [] },
    groups: { put: state.groups, remove: [] },
    users: { put: state.users, remove: [] },
  });
  await writer.close();
}
