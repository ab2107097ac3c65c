import type { DirectoryState } from '../../src/directory/provisioning/directory-state.ts';
import { DirectoryOpener } from '../../src/directory/provisioning/directory.opener.ts';
import type { Tenant } from '../../src/tenancy/tenant.ts';
import type { VaultService } from '../../src/vault/vault.service.ts';
import type { RunningMariaDb } from './mariadb.ts';
import { placeCredentials } from './mysql-config.ts';
import { fillDirectory, SMALL_DIRECTORY } from '../../src/testing/embedded-directory.ts';
import { storageConfig, storedTenant } from '../../src/testing/storage.ts';

/** The tenant as a server has it in memory, with a directory on MariaDB. The port may be a proxy's. */
export function tenantOn(server: Pick<RunningMariaDb, 'host'>, port: number, id: string): Tenant {
  const database = { driver: 'mysql', host: server.host, port, name: `d_${id}` } as const;
  return storedTenant(id, { database });
}

/** Creates the tenant's database with its own user, writes the credentials to Vault, and fills the directory. */
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
  await fillDirectory(await opener.open(tenantOn(server, server.port, id)), state);
}
