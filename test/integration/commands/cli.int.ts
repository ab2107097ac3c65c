import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';
import { type RunningOpenBao, startOpenBaoDev } from '../../support/servers/openbao.ts';
import { TestInstallation } from '../../e2e/cli/installation.ts';
import { ACME, GLOBEX, tenantsFile } from '../../e2e/cli/files.ts';
import { replaceOnce } from '../../../libs/token/test/replace-once.ts';

let mariadb: RunningMariaDb;
let openbao: RunningOpenBao;
const running: { close(): Promise<void> }[] = [];
let installation: TestInstallation;
let number = 0;

beforeAll(async () => {
  running.push((openbao = await startOpenBaoDev()));
  running.push((mariadb = await startMariaDb()));
});
// Also if the second could not be started.
afterAll(() => Promise.all(running.map((server) => server.close())));

beforeEach(async () => {
  number += 1;
  await mariadb.sql(`CREATE DATABASE control_${number}`);
  await openbao.api('POST', 'sys/mounts/kv' + String(number), { type: 'kv', options: { version: '2' } });
  installation = await TestInstallation.make({
    DATABASE_URL: mariadb.url(`control_${number}`),
    VAULT_ADDR: openbao.address,
    VAULT_TOKEN: openbao.rootToken,
    VAULT_KV_MOUNT: `kv${number}`,
  });
});
afterEach(() => installation.remove());

async function credentials(tenant: string, username: string, password: string): Promise<void> {
  await openbao.api('POST', `kv${number}/data/database/${tenant}`, { data: { username, password } });
}

function onMariaDb(tenant: string, name: string): string {
  return replaceOnce(
    tenant,
    '{ driver: sqlite }',
    `{ driver: mysql, host: 127.0.0.1, port: ${mariadb.port}, name: ${name} }`,
  );
}

describe('apply on MariaDB and OpenBao', () => {
  it('creates the databases that its credentials may create, and changes nothing the second time', async () => {
    const file = tenantsFile(onMariaDb(ACME, `acme_${number}`), onMariaDb(GLOBEX, `globex_${number}`));
    for (const tenant of ['acme', 'globex']) await credentials(tenant, 'root', mariadb.rootPassword);
    const { changes, secrets } = await installation.applied(file);
    expect(changes).toContainEqual({ action: 'create', kind: 'database', id: 'acme', fields: [] });
    expect(secrets).toHaveLength(2);
    expect(await installation.applied(file)).toEqual({ changes: [], secrets: [] });
    const { stdout } = await installation.run(['export']);
    expect(await installation.applied(stdout, '--prune', '--prune-tenants', '--yes')).toEqual({
      changes: [],
      secrets: [],
    });
    expect(await installation.fingerprint()).toBeUndefined();

    const less = tenantsFile(onMariaDb(ACME, `acme_${number}`));
    expect((await installation.applied(less, '--prune-tenants', '--yes')).changes).toEqual([
      { action: 'remove', kind: 'tenant', id: 'globex', fields: [] },
    ]);
    expect((await installation.run(['purge', '--yes'])).code).toBe(0);
    expect((await openbao.api('LIST', `kv${number}/metadata/keys`)).body.data.keys).toEqual(['acme']);
  });

  it('shows the SQL for the DBA when its credentials may not create the database', async () => {
    await mariadb.sql(`CREATE USER small_${number} IDENTIFIED BY 'small-password'`);
    await credentials('acme', `small_${number}`, 'small-password');
    const result = await installation.apply(tenantsFile(onMariaDb(ACME, `acme_${number}`)));
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(`CREATE DATABASE IF NOT EXISTS \`acme_${number}\``);
    expect(result.stderr).toContain(`GRANT ALL PRIVILEGES ON \`acme_${number}\`.* TO 'small_${number}'`);
    expect(result.stderr).not.toContain('small-password');
    expect((await installation.run(['export'])).stdout).toContain('tenants: []');
  });

  it('names the Vault path for the credentials of a tenant’s database', async () => {
    const result = await installation.apply(tenantsFile(onMariaDb(ACME, `acme_${number}`)));
    expect(result).toMatchObject({ code: 1, stderr: expect.stringMatching(/database\/acme/) });
  });

  it('shows in a dry run what the apply then does, and writes nothing, on a new database too', async () => {
    const file = tenantsFile(onMariaDb(ACME, `acme_${number}`));
    await credentials('acme', 'root', mariadb.rootPassword);
    const planned = await installation.applied(file, '--dry-run');
    expect(await mariadb.sql(`SHOW TABLES IN control_${number}`)).toEqual([]);
    expect(await mariadb.sql(`SHOW DATABASES LIKE 'acme_${number}'`)).toEqual([]);
    expect((await installation.applied(file)).changes).toEqual(planned.changes);
  });

  it('names the command that creates the schema, if there is nothing to read yet', async () => {
    const result = await installation.run(['export']);
    expect(result).toMatchObject({ code: 1, stderr: expect.stringMatching(/Run: tessera migrate\n$/) });
    expect((await installation.run(['migrate'])).code).toBe(0);
    expect((await installation.run(['export'])).code).toBe(0);
  });

  it('refuses a database that names another tenant, and does not change it', async () => {
    for (const tenant of ['acme', 'globex']) await credentials(tenant, 'root', mariadb.rootPassword);
    await installation.applied(tenantsFile(onMariaDb(ACME, `acme_${number}`)));
    const result = await installation.apply(tenantsFile(onMariaDb(GLOBEX, `acme_${number}`)));
    expect(result).toMatchObject({ code: 1, stderr: expect.stringMatching(/belongs to another tenant/) });
    const users = await mariadb.sql(`SELECT id FROM acme_${number}.tessera_users ORDER BY id`);
    expect(users.map(({ id }) => id as string)).toEqual(['u-ada', 'u-bob']);
  });

  it('rotates keys and adds secrets', async () => {
    await credentials('acme', 'root', mariadb.rootPassword);
    await installation.applied(tenantsFile(onMariaDb(ACME, `acme_${number}`)));
    expect((await installation.run(['keys', 'rotate', 'acme'])).code).toBe(0);
    expect((await installation.run(['secrets', 'add', 'acme/shop/web'])).stdout).toMatch(/tsk_/);
    const { stdout } = await installation.run(['keys', 'list', 'acme']);
    expect(stdout).toMatch(/active[^]*next/);
  });

  it('explains a token, and names the credentials that a token would lack', async () => {
    await credentials('acme', 'root', mariadb.rootPassword);
    await installation.applied(tenantsFile(onMariaDb(ACME, `acme_${number}`)));
    const explain = ['explain', 'acme/shop/web', 'ada@acme.example'];
    const found = await installation.run([...explain, '-o', 'json']);
    expect(found).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(found.stdout)).toMatchObject({
      decision: 'yes',
      claims: { sub: 'u-ada', scope: 'orders:read' },
      scopes: [{ scope: 'orders:read', role: 'reader', group: 'staff' }],
    });
    await openbao.api('DELETE', `kv${number}/metadata/database/acme`);
    const refused = await installation.run(explain);
    expect(refused.stdout).toMatch(/^authorize +refused +Tenant acme: Vault has no credentials/m);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/to database\/acme\.\n$/) });
  });

  it('names the dependency that is down, and the fix', async () => {
    const away = await TestInstallation.make({
      DATABASE_URL: replaceOnce(mariadb.url('x'), String(mariadb.port), '1'),
      VAULT_ADDR: openbao.address,
      VAULT_TOKEN: openbao.rootToken,
    });
    try {
      for (const args of [
        ['export'],
        ['migrate'],
        ['keys', 'list', 'acme'],
        ['explain', 'acme/shop/web', 'ada@acme.example', '-o', 'json'],
      ]) {
        const result = await away.run(args);
        expect(result).toMatchObject({ code: 1, stdout: '' });
        expect(result.stderr).toMatch(/^Control database: .*DATABASE_URL.*run the command again\.\n$/);
        expect(result.stderr).not.toContain(mariadb.rootPassword);
      }
    } finally {
      await away.remove();
    }
  });
});
