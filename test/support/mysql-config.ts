import type { Config } from '../../src/config/config.ts';
import { Secret } from '../../src/config/secret.ts';
import type { VaultService } from '../../src/vault/vault.service.ts';
import { databaseCredentialsPath } from '../../src/vault/vault-path.ts';
import type { RunningMariaDb } from './mariadb.ts';
import { storageConfig, tenantId } from '../../src/testing/storage.ts';

/** A configuration with a control database on this server. */
export function mysqlConfig(
  server: Pick<RunningMariaDb, 'host' | 'port' | 'rootPassword'>,
  database: string,
  dataDirectory: string,
): Config {
  return {
    ...storageConfig(dataDirectory),
    controlDatabase: {
      driver: 'mysql',
      host: server.host,
      port: server.port,
      username: 'root',
      password: new Secret(server.rootPassword),
      database,
      poolSize: 5,
    },
  };
}

/** Writes a tenant's credentials where the service reads them, over existing ones. */
export async function placeCredentials(
  vault: VaultService,
  tenant: string,
  credentials: { readonly username: string; readonly password: string },
): Promise<void> {
  const path = databaseCredentialsPath(tenantId(tenant));
  await vault.write(path, credentials, (await vault.read(path))?.version ?? 0);
}
