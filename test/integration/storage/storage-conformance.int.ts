import { withApplyLock } from '../../../src/control-plane/apply-lock.ts';
import { createControlPlane } from '../../../src/control-plane/control-plane.ts';
import { EmbeddedVault } from '../../../src/vault/embedded/embedded-vault.ts';
import { controlPlaneConformance } from '../../conformance/control-plane.ts';
import { directoryConformance } from '../../conformance/directory.ts';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';
import { mysqlConfig, placeCredentials } from '../../support/fixtures/mysql-config.ts';
import { Secret } from '../../../src/config/secret.ts';
import { openMysqlDatabase } from '../../../src/database/mysql/mysql-data-source.ts';
import { tenantDatabaseOptions } from '../../../src/tenancy/tenant-database.ts';
import type { TenantDatabase } from '../../../src/tenancy/tenant.ts';
import { collectingLog, storageConfig, temporaryFolder } from '../../../src/testing/storage.ts';

let server: RunningMariaDb;
const folder = temporaryFolder();

beforeAll(async () => {
  // A default collation that ignores case and accents and pads spaces. The collation of the tables must override it.
  server = await startMariaDb({
    serverOptions: ['--character-set-server=utf8mb4', '--collation-server=utf8mb4_general_ci'],
  });
});
afterAll(async () => {
  await server.close();
  folder.remove();
});

controlPlaneConformance('MysqlDatabase', async () => {
  await server.sql('CREATE DATABASE control');
  const config = mysqlConfig(server, 'control', folder.path);
  const { log } = collectingLog();
  const both = [createControlPlane(config, log), createControlPlane(config, log)] as const;
  const migrated = await Promise.all(both.map((one) => withApplyLock(config, () => one.migrate())));
  expect(migrated.flat()).toEqual([
    'ControlPlane1764000000000',
    'SpentTokens1764000000002',
    'Revocations1764000000003',
    'RevocationQuotas1764000000004',
    'TenantDirectory1764000000010',
    'AuditReading1764000000011',
    'LinkedSubjects1764000000012',
    'TokenEndpoint1764000000013',
  ]);
  await both[1].close();
  return {
    controlPlane: both[0],
    another: () => createControlPlane(config, log),
    close: () => Promise.resolve(),
  };
});

directoryConformance('MysqlDatabase', () => {
  const vault = new EmbeddedVault(folder.path);
  return Promise.resolve({
    dataDirectory: folder.path,
    vault,
    newDatabase: async (tenantId) => {
      const name = `d_${tenantId}`;
      await server.createTenantDatabase(name);
      await placeCredentials(vault, tenantId, { username: name, password: `${name}-password` });
      return { driver: 'mysql' as const, host: server.host, port: server.port, name };
    },
    byHand: async (tenant, statement) => {
      await server.sql(`USE d_${tenant.id}`, statement);
    },
    openDatabase: ({ id, database }, schema) => {
      const address = database as Extract<TenantDatabase, { driver: 'mysql' }>;
      const credentials = { username: `d_${id}`, password: new Secret(`d_${id}-password`) };
      const limits = storageConfig(folder.path).connections;
      return openMysqlDatabase({ ...tenantDatabaseOptions(id, address, credentials, limits), schema });
    },
    close: () => Promise.resolve(),
  });
});
