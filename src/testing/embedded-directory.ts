import { type DirectoryState, EMPTY_DIRECTORY } from '../directory/provisioning/directory-state.ts';
import type { DirectoryWriter } from '../directory/provisioning/directory.writer.ts';
import { DirectoryOpener } from '../directory/provisioning/directory.opener.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import type { VaultService } from '../vault/vault.service.ts';
import { storageConfig } from './storage.ts';

/** One user with one role, scope and group. */
export const SMALL_DIRECTORY: DirectoryState = {
  scopes: [{ name: 'orders:read', resource: 'orders' }],
  roles: [{ name: 'reader', scopes: ['orders:read'] }],
  groups: [{ name: 'sales', roles: ['reader'] }],
  users: [{ id: 'u-ada', email: 'ada@acme.example', status: 'active', roles: [], groups: ['sales'], identities: [] }],
};

/** Creates the tenant's SQLite file and fills the directory. */
export async function provisionEmbeddedDirectory(
  dataDirectory: string,
  vault: VaultService,
  tenant: Pick<Tenant, 'id' | 'database' | 'directory'>,
  state: DirectoryState = SMALL_DIRECTORY,
): Promise<void> {
  await fillDirectory(await new DirectoryOpener(storageConfig(dataDirectory), vault).open(tenant), state);
}

export async function fillDirectory(writer: DirectoryWriter, state: DirectoryState): Promise<void> {
  await writer.migrate();
  await writer.apply({
    before: EMPTY_DIRECTORY,
    scopes: { put: state.scopes, remove: [] },
    roles: { put: state.roles, remove: [] },
    groups: { put: state.groups, remove: [] },
    users: { put: state.users, remove: [] },
  });
  await writer.close();
}
