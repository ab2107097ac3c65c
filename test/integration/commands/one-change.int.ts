import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Applied, TestInstallation } from '../../e2e/cli/installation.ts';
import { replaceOnce } from '../../../libs/token/test/replace-once.ts';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';
import { type RunningOpenBao, startOpenBaoDev } from '../../support/servers/openbao.ts';
import { operationSession } from '../../support/tessera/operation-session.ts';
import { REPOSITORY } from '../../support/servers/required-servers.ts';

let mariadb: RunningMariaDb;
let openbao: RunningOpenBao;
let installation: TestInstallation;
const running: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  running.push((openbao = await startOpenBaoDev()));
  running.push((mariadb = await startMariaDb()));
  await mariadb.createTenantDatabase('control');
  await mariadb.createTenantDatabase('t_acme');
  await openbao.api('POST', 'kv/data/database/acme', { data: { username: 't_acme', password: 't_acme-password' } });
  installation = await TestInstallation.make({
    DATABASE_URL: `mysql://control:control-password@127.0.0.1:${mariadb.port}/control`,
    VAULT_ADDR: openbao.address,
    VAULT_TOKEN: await openbao.createToken(),
    VAULT_KV_MOUNT: 'kv',
  });
  const example = readFileSync(join(REPOSITORY, 'examples/acme.yaml'), 'utf8');
  const database = `{ driver: mysql, host: 127.0.0.1, port: ${mariadb.port}, name: t_acme }`;
  await installation.applied(replaceOnce(example, '\n    database: { driver: sqlite }', `\n    database: ${database}`));
});
// Also if the second could not be started.
afterAll(async () => {
  await Promise.all(running.map((server) => server.close()));
  await installation.remove();
});

const json = async <T>(...args: readonly string[]): Promise<T> => {
  const result = await installation.run([...args, '-o', 'json']);
  if (result.code !== 0) throw new Error(`${args.join(' ')} ended with ${result.code}: ${result.stderr}`);
  return JSON.parse(result.stdout) as T;
};

it('does every job of docs/operation.md with one command, on MariaDB and OpenBao', async () => {
  const { commands, counted } = operationSession('## Changing one thing');
  const before = (await installation.run(['export'])).stdout;
  for (const args of commands) {
    const planned = await json<Applied>(...args, '--dry-run');
    const done = await json<Applied>(...args);
    expect(done.changes).toEqual(planned.changes);
    expect(done.changes.filter(({ kind }) => kind !== 'secret')).toHaveLength(1);
    expect(await json(...args)).toEqual({ changes: [], secrets: [] });
  }
  expect(commands).toHaveLength(counted);
  // The last commands remove what the first ones made.
  expect((await installation.run(['export'])).stdout).toBe(before);
  // The user and the client.
  const revoked = await mariadb.sql('SELECT DISTINCT kind, revoked_id FROM control.revocations ORDER BY kind');
  expect(revoked).toEqual([
    { kind: 'client', revoked_id: 'app' },
    { kind: 'subject', revoked_id: 'u-eve' },
  ]);
});

it.each([
  ['users', 'u-ada'],
  ['groups', 'sales'],
  ['roles', 'manager'],
  ['scopes', 'orders:read'],
  ['projects', 'shop'],
  ['clients', 'shop/web'],
  ['admins', 'a-root'],
])('shows the %s of a tenant', async (kind, name) => {
  const listed = await json<Record<string, { id?: string; name?: string }[]>>(kind, 'list', 'acme');
  const last = name.split('/').at(-1);
  expect(listed[kind]!.map((one) => one.id ?? one.name)).toContain(last);
  expect(await json(kind, 'show', `acme/${name}`)).toMatchObject(
    listed[kind]!.find((one) => (one.id ?? one.name) === last)!,
  );
});

it('reads a large directory page by page, in an order that ends', async () => {
  const rows = Array.from(
    { length: 1_500 },
    (_, index) => `('x${index}', 'x${index}@a.example', 'x${index}@a.example', 'active')`,
  );
  await mariadb.sql(
    `INSERT INTO t_acme.tessera_users (id, email, email_canonical, status) VALUES ${rows.join(', ')}`,
    "INSERT INTO t_acme.tessera_user_roles (user_id, role_name) SELECT id, 'viewer' FROM t_acme.tessera_users WHERE id LIKE 'x%'",
  );
  const seen: string[] = [];
  for (let after: string | null = ''; after !== null;) {
    const page: { users: { id: string; roles: string[] }[]; next: string | null } = await json(
      ...['users', 'list', 'acme', '--limit', '700', ...(after === '' ? [] : ['--after', after])],
    );
    expect(page.users.length).toBeLessThanOrEqual(700);
    expect(page.users.filter(({ id }) => id.startsWith('x')).every(({ roles }) => roles.join() === 'viewer')).toBe(
      true,
    );
    seen.push(...page.users.map(({ id }) => id));
    after = page.next;
  }
  expect(new Set(seen).size).toBe(1_502);
  expect(seen).toHaveLength(1_502);
});

it('names the tenant whose database is away, and still shows what the control plane holds', async () => {
  await openbao.api('POST', 'kv/data/database/acme', { data: { username: 't_acme', password: 'another' } });
  for (const args of [
    ['users', 'list', 'acme'],
    ['group', 'show', 'acme/sales'],
    ['user', 'disable', 'acme/u-ada'],
  ]) {
    const result = await installation.run(args);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/^tenant "acme": .*access denied/is);
  }
  expect(await installation.run(['clients', 'list', 'acme'])).toMatchObject({ code: 0, stderr: '' });
});

it('refuses every change of an external directory', async () => {
  await mariadb.sql("UPDATE control.tenants SET directory = 'external' WHERE id = 'acme'");
  for (const args of [
    ['user', 'remove', 'acme/u-ada'],
    ['user', 'disable', 'acme/u-ada', '--dry-run'],
    ['group', 'remove', 'acme/sales'],
  ]) {
    const result = await installation.run(args);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/^The directory of tenant acme is external: /);
  }
});
