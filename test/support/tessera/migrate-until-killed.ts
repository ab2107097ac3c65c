import { DirectoryOpener } from '../../../src/directory/provisioning/directory.opener.ts';
import { createControlPlane } from '../../../src/control-plane/control-plane.ts';
import { EmbeddedVault } from '../../../src/vault/embedded/embedded-vault.ts';
import { mysqlConfig } from '../fixtures/mysql-config.ts';
import { storageConfig, collectingLog } from '../../../src/testing/storage.ts';
import { tenantOn } from '../fixtures/tenant-directories.ts';

/** A separate process, so that a test can kill it while it migrates first the control plane, then a directory. */
const [port = '', rootPassword = '', controlDatabase = '', dataDirectory = '', tenant = ''] = process.argv.slice(2);
const server = { host: '127.0.0.1', port: Number(port), rootPassword } as const;
const controlPlane = createControlPlane(mysqlConfig(server, controlDatabase, dataDirectory), collectingLog().log);
console.log('migrating');
await controlPlane.migrate();
const opener = new DirectoryOpener(storageConfig(dataDirectory), new EmbeddedVault(dataDirectory));
const directory = await opener.open(tenantOn(server, server.port, tenant));
await directory.migrate();
console.log('migrated');
process.exit(0);
