import { UserDirectory } from '../../../src/directory/user.directory.ts';
import { SystemClock } from '../../../src/domain/clock.ts';
import { parseEmail } from '../../../src/domain/email.ts';
import { TenantConnections } from '../../../src/tenancy/tenant-connections.ts';
import { TenantDatabaseOpener } from '../../../src/tenancy/tenant-database.ts';
import type { Tenant } from '../../../src/tenancy/tenant.ts';
import { refusalOf } from '../../../src/testing/refusal.ts';
import { storageConfig, temporaryFolder } from '../../../src/testing/storage.ts';
import { EmbeddedVault } from '../../../src/vault/embedded/embedded-vault.ts';
import { placeCredentials } from '../../support/fixtures/mysql-config.ts';
import { provisionDirectory, tenantOn } from '../../support/fixtures/tenant-directories.ts';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';

const ADA = parseEmail('ada@acme.example')!.canonical;

/**
 * What a statement of ours may make a session do through a view of the tenant, if the tenant's user may do it. The same user for two tenants is the
 * worst case: everything that is left would be the next tenant's, too.
 */
const LEAVE_BEHIND = `
CREATE FUNCTION d_evil.leave_behind() RETURNS VARCHAR(64) SQL SECURITY INVOKER MODIFIES SQL DATA
BEGIN
  SET @left_behind = 'variable';
  SET SESSION sql_mode = 'ANSI_QUOTES', SESSION sql_select_limit = 1, SESSION max_statement_time = 0.001;
  SET SESSION character_set_results = latin1, SESSION collation_connection = utf8mb4_general_ci;
  SET SESSION group_concat_max_len = 4, SESSION optimizer_switch = 'derived_merge=off';
  DO GET_LOCK('left-behind', 0);
  CREATE TEMPORARY TABLE IF NOT EXISTS d_next.tessera_owner (tenant_id VARCHAR(64)) SELECT 'evil' AS tenant_id;
  CREATE TEMPORARY TABLE IF NOT EXISTS d_next.tessera_user_roles (user_id VARCHAR(64), role_name VARCHAR(64))
    SELECT 'u-ada' AS user_id, 'left-behind' AS role_name;
  RETURN 'evil';
END`;

const SESSION = `
SELECT CONNECTION_ID() AS id, @left_behind AS variable, IS_USED_LOCK('left-behind') AS holder,
       @@sql_mode AS sql_mode, @@group_concat_max_len AS group_concat, @@optimizer_switch LIKE '%derived_merge=off%' AS merges,
       @@character_set_results AS results, @@collation_connection AS collation, USER() AS login, DATABASE() AS name`;

const folder = temporaryFolder();
const config = storageConfig(folder.path);
let server: RunningMariaDb;
let vault: EmbeddedVault;
let connections: TenantConnections;
let users: UserDirectory;
let evil: Tenant;
let next: Tenant;

beforeAll(async () => {
  server = await startMariaDb();
  vault = new EmbeddedVault(folder.path);
  for (const id of ['evil', 'next']) await provisionDirectory(server, vault, id);
  [evil, next] = [tenantOn(server, server.port, 'evil'), tenantOn(server, server.port, 'next')];
  await server.sql(
    `CREATE USER 'shared'@'%' IDENTIFIED BY 'shared-password'`,
    `GRANT ALL ON *.* TO 'shared'@'%'`,
    LEAVE_BEHIND,
    'DROP TABLE d_evil.tessera_owner',
    'CREATE SQL SECURITY INVOKER VIEW d_evil.tessera_owner AS SELECT d_evil.leave_behind() AS tenant_id',
  );
});
afterAll(async () => {
  await vault.close();
  await server.close();
  folder.remove();
});
beforeEach(() => {
  const opener = new TenantDatabaseOpener(config, vault, new SystemClock());
  connections = new TenantConnections(opener, new SystemClock(), {
    ...config,
    connections: { ...config.connections, tenantBudget: 1 },
  });
  users = new UserDirectory(connections);
});
afterEach(() => connections.close());

const sessionOf = (tenant: Tenant) =>
  connections.use(tenant, async (database) => (await database.query(SESSION))[0] ?? {});

async function loginAs(user: string, ...tenants: readonly Tenant[]): Promise<void> {
  for (const { id } of tenants) await placeCredentials(vault, id, { username: user, password: `${user}-password` });
}

describe('a connection that the next tenant takes over', () => {
  it.each(['two users', 'one user'])('keeps nothing of what the last tenant did in its session: %s', async (which) => {
    await loginAs('shared', evil);
    await loginAs(which === 'one user' ? 'shared' : 'd_next', next);
    await users.findByEmail(evil, ADA);
    const before = await sessionOf(evil);
    // The attack worked: its session is as it left it.
    expect(before).toMatchObject({ variable: 'variable', results: 'latin1', merges: 1 });
    expect(before['holder']).toBe(before['id']);

    const subject = await users.findByEmail(next, ADA);
    expect(subject?.roles).not.toContain('left-behind');
    expect(subject?.roles.length).toBeGreaterThan(0);
    expect(await sessionOf(next)).toEqual({
      id: before['id'],
      variable: null,
      holder: null,
      sql_mode: expect.stringContaining('STRICT_TRANS_TABLES') as unknown,
      group_concat: expect.any(Number) as unknown,
      merges: 0,
      results: 'utf8mb4',
      collation: 'utf8mb4_bin',
      login: expect.stringMatching(which === 'one user' ? /^shared@/ : /^d_next@/) as unknown,
      name: 'd_next',
    });
  });

  it('has no statement that was prepared for the last tenant', async () => {
    await loginAs('d_next', next);
    await loginAs('shared', evil);
    const nameOf = (tenant: Tenant) =>
      connections.use(tenant, async (database) => {
        const ask = async () => (await database.query('SELECT DATABASE() AS name'))[0]?.['name'];
        return [await ask(), await ask(), await ask()];
      });
    for (let turn = 0; turn < 3; turn += 1) {
      expect(await nameOf(evil)).toEqual(['d_evil', 'd_evil', 'd_evil']);
      expect(await nameOf(next)).toEqual(['d_next', 'd_next', 'd_next']);
    }
  });

  it('is not the next tenant’s without its own password', async () => {
    await loginAs('shared', evil);
    await placeCredentials(vault, 'next', { username: 'd_next', password: 'wrong' });
    const before = await sessionOf(evil);
    expect((await refusalOf(users.findByEmail(next, ADA))).reason).toBe('tenant database: access denied');
    expect(connections.stats.leases).toBe(0);
    expect(connections.stats.connections).toBeLessThanOrEqual(1);
    const after = await sessionOf(evil);
    expect(after['id']).not.toBe(before['id']);
  });

  it('is not the next tenant’s with an empty password, although the last one had the same user', async () => {
    await loginAs('shared', evil);
    await placeCredentials(vault, 'next', { username: 'shared', password: '' });
    await sessionOf(evil);
    expect((await refusalOf(users.findByEmail(next, ADA))).reason).toBe('tenant database: access denied');
    expect(connections.stats.connections).toBeLessThanOrEqual(1);
  });

  it('is taken over again after a password was rotated', async () => {
    await loginAs('shared', evil);
    await loginAs('d_next', next);
    await sessionOf(next);
    await sessionOf(evil);
    await server.sql(`ALTER USER 'd_next'@'%' IDENTIFIED BY 'rotated'`);
    await placeCredentials(vault, 'next', { username: 'd_next', password: 'rotated' });
    expect((await users.findByEmail(next, ADA))?.id).toBe('u-ada');
    const { id } = await sessionOf(next);
    expect((await sessionOf(evil))['id']).toBe(id);
    await server.sql(`ALTER USER 'd_next'@'%' IDENTIFIED BY 'd_next-password'`);
  });

  it('is replaced when the server has closed it meanwhile', async () => {
    await loginAs('shared', evil);
    await loginAs('d_next', next);
    const { id } = await sessionOf(evil);
    await server.sql(`KILL CONNECTION ${String(id)}`);
    expect((await users.findByEmail(next, ADA))?.id).toBe('u-ada');
    expect(connections.stats.connections).toBe(1);
  });
});
