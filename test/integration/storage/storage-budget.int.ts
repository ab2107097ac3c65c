import { basename } from 'node:path';
import { UserDirectory } from '../../../src/directory/user.directory.ts';
import { TenantConnections } from '../../../src/tenancy/tenant-connections.ts';
import { TenantDatabaseOpener } from '../../../src/tenancy/tenant-database.ts';
import type { Tenant } from '../../../src/tenancy/tenant.ts';
import { databaseCredentialsPath } from '../../../src/vault/vault-path.ts';
import { EmbeddedVault } from '../../../src/vault/embedded/embedded-vault.ts';
import { SystemClock } from '../../../src/domain/clock.ts';
import { parseEmail } from '../../../src/domain/email.ts';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';
import { refusalOf } from '../../../src/testing/refusal.ts';
import { storageConfig, temporaryFolder, tenantId } from '../../../src/testing/storage.ts';
import { type TcpProxy, startTcpProxy } from '../../support/servers/tcp-proxy.ts';
import { provisionDirectory, tenantOn } from '../../support/fixtures/tenant-directories.ts';

const TENANTS = 1000;
const BUDGET = 20;
const ADA = parseEmail('ada@acme.example')!.canonical;

/** A tenant's entry in Vault with another user. */
const userAt = new Map<string, string>();
const credentialsOf = (user: string) => ({ username: user, password: `${user}-password` });

const folder = temporaryFolder();
let server: RunningMariaDb;
let proxy: TcpProxy;
let tenants: Tenant[];
let connections: TenantConnections;
let users: UserDirectory;

beforeAll(async () => {
  server = await startMariaDb();
  proxy = await startTcpProxy(server.port);
  const vault = new EmbeddedVault(folder.path);
  await provisionDirectory(server, vault, 'template');
  const ids = Array.from({ length: TENANTS }, (_, number) => `t${number}`);
  await shareDirectory(server, ids);
  tenants = ids.map((id) => ({ ...tenantOn(server, proxy.port, 'template'), id: tenantId(id) }));
  // A thousand generated entries. Reading them is not under test here.
  vault.read = (path) => Promise.resolve({ version: 1, data: credentialsOf(userAt.get(path) ?? basename(path)) });
  const config = storageConfig(folder.path);
  const opener = new TenantDatabaseOpener(config, vault, new SystemClock());
  connections = new TenantConnections(opener, new SystemClock(), {
    ...config,
    connections: { ...config.connections, tenantBudget: BUDGET, waitMs: 2500 },
  });
  users = new UserDirectory(connections);
});
afterAll(async () => {
  await connections.close();
  await proxy.close();
  await server.close();
  folder.remove();
});

it('1,000 tenants are all served within the budget of connections', async () => {
  await server.sql('FLUSH STATUS');
  const served = new Set<string>();
  const queue = [...tenants];
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      for (let tenant = queue.pop(); tenant !== undefined; tenant = queue.pop()) {
        const subject = await users.findByEmail(tenant, ADA);
        if (subject?.roles[0] === `role-of-${tenant.id}`) served.add(tenant.id);
      }
    }),
  );
  expect(served.size).toBe(TENANTS);
  expect(connections.stats).toMatchObject({ leases: 0, waiting: 0 });
  expect(connections.stats.connections).toBeLessThanOrEqual(BUDGET);
  // Counted at the proxy and at the server, not where they are planned.
  expect(proxy.mostConnections()).toBeLessThanOrEqual(BUDGET);
  const [used] = await server.sql(`SHOW GLOBAL STATUS LIKE 'Max_used_connections'`);
  // One is the test's own. The server counts a thread until a moment after its socket is closed.
  expect(Number(used?.['Value'])).toBeLessThanOrEqual(BUDGET + 1 + 2);
});

it('1,000 interleaved requests of two tenants never get the grants of the other', async () => {
  const [first, second] = tenants as [Tenant, Tenant];
  const answers = await Promise.all(
    Array.from({ length: 1000 }, async (_, number) => {
      const tenant = number % 2 === 0 ? first : second;
      return { tenant: tenant.id, roles: (await users.findByEmail(tenant, ADA))?.roles };
    }),
  );
  for (const { tenant, roles } of answers) expect(roles).toEqual([`role-of-${tenant}`]);
});

it("a tenant that was given another tenant's database is refused, and the other is not affected", async () => {
  const [, second, third] = tenants as [Tenant, Tenant, Tenant];
  const misled: Tenant = { ...third, id: tenantId('misled') };
  userAt.set(databaseCredentialsPath(misled.id), second.id);
  await users.findByEmail(second, ADA);
  const refusal = await refusalOf(users.findByEmail(misled, ADA));
  expect(refusal.reason).toBe('tenant database: belongs to another tenant');
  expect((await users.findByEmail(second, ADA))?.roles).toEqual([`role-of-${second.id}`]);
});

/**
 * One directory that looks different to each user of the server, because a thousand real ones would take minutes to create. Each tenant has its own
 * user, whose name is the owner in its view and part of its only role.
 */
async function shareDirectory(on: RunningMariaDb, ids: readonly string[]): Promise<void> {
  const user = "CONVERT(SUBSTRING_INDEX(USER(), '@', 1) USING ascii)";
  await on.sql(
    'USE d_template',
    'DROP TABLE tessera_owner',
    `CREATE VIEW tessera_owner AS SELECT ${user} AS tenant_id`,
    'DROP TABLE tessera_user_group_roles',
    `CREATE VIEW tessera_user_group_roles AS SELECT 'sales' AS group_name, CONCAT('role-of-', ${user}) AS role_name`,
    ...ids.map((id) => `CREATE USER '${id}'@'%' IDENTIFIED BY '${id}-password'`),
    ...ids.map((id) => `GRANT SELECT ON d_template.* TO '${id}'@'%'`),
  );
}
