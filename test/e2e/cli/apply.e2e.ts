import { existsSync } from 'node:fs';
import { copyFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ACME, GLOBEX, tenantsFile } from './files.ts';
import { TestInstallation } from './installation.ts';
import { replaceEach, replaceOnce } from '../../../libs/token/test/replace-once.ts';

let installation: TestInstallation;
beforeEach(async () => {
  installation = await TestInstallation.make();
});
afterEach(() => installation.remove());

const BOTH = tenantsFile(ACME, GLOBEX);

describe('apply', () => {
  it('makes no new keys for a tenant that exists: an empty secret store is the wrong one, or a loss', async () => {
    await installation.applied(BOTH);
    const ring = join(installation.dataDirectory, 'vault', 'keys', 'acme.sealed');
    await rm(ring);
    for (const args of [['--dry-run'], []]) {
      const refused = await installation.apply(BOTH, ...args);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('the secret store has no keys for it');
      expect(existsSync(ring)).toBe(false);
    }
    const { changes } = await installation.applied(BOTH, '--dangerously-replace-lost-keys');
    expect(changes).toMatchObject([{ action: 'create', kind: 'key_ring', id: 'acme' }]);
  });

  it('makes the system match the file, and shows each confidential client’s secret', async () => {
    const { changes, secrets } = await installation.applied(BOTH);
    expect(changes.map(({ action, kind, id }) => `${action} ${kind} ${id}`)).toEqual([
      'update schema control',
      'create database acme',
      'create scope acme/orders:read',
      'create role acme/reader',
      'create group acme/staff',
      'create user acme/u-ada',
      'create user acme/u-bob',
      'create key_ring acme',
      'create secret acme/shop/web',
      'create tenant acme',
      'create project acme/shop',
      'create client acme/shop/web',
      'create client acme/shop/kiosk',
      'create issuer acme/corp',
      'create admin acme/a-root',
      'create database globex',
      'create user globex/u-hank',
      'create key_ring globex',
      'create secret globex/app/api',
      'create tenant globex',
      'create project globex/app',
      'create client globex/app/api',
    ]);
    expect(secrets).toEqual([
      { tenant_id: 'acme', project_id: 'shop', client_id: 'web', secret_id: expect.stringMatching(/^tsk_/) },
      { tenant_id: 'globex', project_id: 'app', client_id: 'api', secret_id: expect.stringMatching(/^tsk_/) },
    ]);
  });

  it('changes nothing the second time', async () => {
    await installation.applied(BOTH);
    expect(await installation.applied(BOTH)).toEqual({ changes: [], secrets: [] });
    const again = await installation.apply(BOTH);
    expect(again).toEqual({ code: 0, stdout: 'Nothing to change.\n', stderr: '' });
  });

  it('does not depend on the order of lists in the file', async () => {
    await installation.applied(BOTH);
    const turned = tenantsFile(GLOBEX, replaceOnce(ACME, '[admin, user]', '[user, admin]'));
    expect(await installation.applied(turned)).toEqual({ changes: [], secrets: [] });
  });

  it('updates what differs in the file, and only that', async () => {
    await installation.applied(BOTH);
    const text = replaceEach(
      BOTH,
      ['name: Acme Ltd', 'name: Acme Inc'],
      ['bob@acme.example, roles: [reader]', 'Bob@acme.example, status: disabled'],
      ['{ name: staff, roles: [reader] }', '{ name: staff, roles: [] }'],
    );
    const { changes } = await installation.applied(text);
    expect(changes).toMatchObject([
      { action: 'update', kind: 'group', id: 'acme/staff' },
      { action: 'update', kind: 'user', id: 'acme/u-bob' },
      { action: 'update', kind: 'tenant', id: 'acme' },
    ]);
    expect(await installation.applied(text)).toEqual({ changes: [], secrets: [] });
  });

  it('lets two users swap their e-mail addresses and identities', async () => {
    await installation.applied(BOTH);
    const swapped = replaceEach(BOTH, ['ada@', 'x@'], ['bob@', 'ada@'], ['x@', 'bob@']);
    expect((await installation.applied(swapped)).changes).toHaveLength(2);
    expect(await installation.applied(swapped)).toEqual({ changes: [], secrets: [] });
  });

  it('does not change what the file leaves out', async () => {
    await installation.applied(BOTH);
    const less = tenantsFile(replaceEach(ACME, [/ {6}- \{ id: u-bob.*\n/, ''], [/ {10}- \{ id: kiosk.*\n/, '']));
    expect(await installation.applied(less)).toEqual({ changes: [], secrets: [] });
    const { stdout } = await installation.run(['export']);
    expect(stdout).toMatch(/u-bob[^]*globex/);
  });

  it('with --prune and --prune-tenants removes what the file leaves out, and lists it', async () => {
    await installation.applied(BOTH);
    const less = tenantsFile(replaceEach(ACME, [/ {6}- \{ id: u-bob.*\n/, ''], [/ {10}- \{ id: kiosk.*\n/, '']));
    const dryRun = await installation.apply(less, '--prune', '--prune-tenants', '--dry-run');
    expect(dryRun.stdout).toContain('- remove tenant globex, the whole tenant (its keys and secrets stay in Vault');
    const { changes } = await installation.applied(less, '--prune', '--prune-tenants', '--yes');
    expect(changes).toMatchObject([
      { action: 'remove', kind: 'user', id: 'acme/u-bob' },
      { action: 'remove', kind: 'client', id: 'acme/shop/kiosk' },
      { action: 'remove', kind: 'tenant', id: 'globex' },
    ]);
    expect(await installation.applied(less, '--prune', '--prune-tenants', '--yes')).toEqual({
      changes: [],
      secrets: [],
    });
  });

  it('restores a removed tenant with its previous secret and keys', async () => {
    await installation.applied(BOTH);
    const before = await installation.run(['keys', 'list', 'globex', '-o', 'json']);
    await installation.applied(tenantsFile(ACME), '--prune-tenants', '--yes');
    const { changes, secrets } = await installation.applied(BOTH);
    expect(changes.map(({ kind }) => kind)).toEqual(['tenant', 'project', 'client']);
    expect(secrets).toEqual([]);
    expect(await installation.run(['keys', 'list', 'globex', '-o', 'json'])).toEqual(before);
  });

  it('refuses a conflict with objects that the file leaves out', async () => {
    await installation.applied(BOTH);
    const before = await installation.fingerprint();
    const text = tenantsFile(replaceEach(ACME, [/ {6}- \{ id: u-bob.*\n/, ''], ['ada@', 'BOB@']));
    const result = await installation.apply(text);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/users "u-ada" and "u-bob" have the same e-mail address: .*--prune/);
    expect(await installation.fingerprint()).toEqual(before);
  });

  it('rotates to a new key when the algorithm changes', async () => {
    await installation.applied(BOTH);
    const text = replaceOnce(BOTH, 'name: Acme Ltd', 'tokens: { alg: EdDSA }');
    expect((await installation.applied(text)).changes).toMatchObject([
      { action: 'update', kind: 'key_ring', id: 'acme' },
      { action: 'update', kind: 'tenant', id: 'acme' },
    ]);
    expect(await installation.applied(text)).toEqual({ changes: [], secrets: [] });
    const { stdout } = await installation.run(['keys', 'list', 'acme', '-o', 'json']);
    const { keys } = JSON.parse(stdout) as { keys: Record<string, string>[] };
    expect(keys.map(({ alg, state }) => `${alg} ${state}`)).toEqual(['ES256 active', 'EdDSA next']);
  });

  it('applies the other tenants when one cannot be completed', async () => {
    const unreachable = replaceOnce(
      GLOBEX,
      '{ driver: sqlite }',
      '{ driver: mysql, host: 127.0.0.1, port: 1, name: t }',
    );
    const result = await installation.apply(tenantsFile(unreachable, ACME), '--output', 'json');
    expect(result.code).toBe(1);
    expect(JSON.parse(result.stdout)).toMatchObject({ secrets: [{ client_id: 'web' }] });
    expect(result.stderr).toMatch(/tenant "globex" was not finished: .*database\/globex/);
    expect(await installation.applied(tenantsFile(ACME))).toEqual({ changes: [], secrets: [] });
  });

  it('refuses the database of another tenant', async () => {
    await installation.applied(BOTH);
    const tenants = join(installation.dataDirectory, 'tenants');
    for (const suffix of ['-wal', '-shm']) await rm(join(tenants, `globex.sqlite${suffix}`), { force: true });
    await copyFile(join(tenants, 'acme.sqlite'), join(tenants, 'globex.sqlite'));
    const result = await installation.apply(BOTH);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/tenant "globex" was not finished: Tenant database: belongs to another tenant/);
  });

  it('keeps all files to their owner', async () => {
    await installation.applied(BOTH);
    for (const name of await readdir(installation.dataDirectory, { recursive: true })) {
      const info = await stat(join(installation.dataDirectory, name));
      expect(`${name} ${(info.mode & 0o077).toString(8)}`).toBe(`${name} 0`);
    }
  });

  it('reads a named file, and says what is wrong with the name', async () => {
    const path = await installation.write('t.yaml', BOTH);
    expect((await installation.run(['apply', '-f', path])).code).toBe(0);
    const missing = await installation.run(['apply', '-f', `${path}x`]);
    expect(missing).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/there is no such file/) });
    expect((await installation.run(['apply', '-f', installation.folder])).stderr).toMatch(/it is a folder/);
  });

  it('does not read an endless input', async () => {
    const endless = await installation.run(['apply', '-f', '/dev/zero']);
    expect(endless).toMatchObject({ code: 1, stderr: expect.stringMatching(/larger than 16 MiB/) });
  });
});

describe('nothing is touched', () => {
  const FAULTY = replaceEach(
    BOTH,
    ['surfaces: [admin, user]', 'surfaces: [root]'],
    ['groups: [staff]', 'groups: [gang]'],
  );

  it.each([
    ['by a dry run', [BOTH, '--dry-run'], 0],
    ['by a refused file', [FAULTY], 1],
    ['by a refused file in a dry run', [FAULTY, '--dry-run'], 1],
  ] as const)('%s, when there is no data directory', async (_, [text, ...args], code) => {
    expect((await installation.apply(text, ...args)).code).toBe(code);
    expect(await readdir(installation.folder)).toEqual([]);
  });

  it.each([
    [
      'by a dry run that would change much',
      [tenantsFile(replaceOnce(GLOBEX, 'hank@', 'h@')), '--prune', '--prune-tenants', '--dry-run'],
      0,
    ],
    ['by a refused file', [FAULTY], 1],
    ['by export', undefined, 0],
  ] as const)('%s, byte for byte', async (_, args, code) => {
    await installation.applied(BOTH);
    const before = await installation.fingerprint();
    const result =
      args === undefined ? await installation.run(['export']) : await installation.apply(args[0], ...args.slice(1));
    expect(result.code).toBe(code);
    expect(await installation.fingerprint()).toEqual(before);
  });

  it('shows in a dry run exactly what the apply then does, and no secret', async () => {
    const planned = await installation.applied(BOTH, '--dry-run');
    expect(planned.secrets).toEqual([]);
    expect((await installation.applied(BOTH)).changes).toEqual(planned.changes);
  });

  it('prints every validation error with its line, and nothing else', async () => {
    const path = await installation.write('t.yaml', FAULTY);
    const result = await installation.run(['apply', '-f', path, '--output', 'json']);
    expect(result.stdout).toBe('');
    expect(result.stderr.split('\n').slice(0, 2)).toEqual([
      expect.stringContaining(`${path}:17:35: clients[0] "web": surfaces[0] must be one of admin, user`),
      expect.stringContaining(`${path}:26:56: users[0] "u-ada": groups[0]: there is no group "gang"`),
    ]);
    expect(result.stderr).toContain('2 errors; nothing was changed.');
  });
});

describe('export', () => {
  it('is a file that changes nothing when it is applied, with --prune too', async () => {
    await installation.applied(BOTH);
    const { stdout } = await installation.run(['export']);
    expect(await installation.applied(stdout, '--prune', '--prune-tenants', '--yes')).toEqual({
      changes: [],
      secrets: [],
    });
    expect((await installation.run(['export'])).stdout).toBe(stdout);
  });

  it('makes the same system elsewhere', async () => {
    await installation.applied(BOTH);
    const { stdout } = await installation.run(['export']);
    const other = await TestInstallation.make();
    try {
      await other.applied(stdout);
      expect((await other.run(['export'])).stdout).toBe(stdout);
    } finally {
      await other.remove();
    }
  });

  it('of a store that is not there is refused, and makes nothing', async () => {
    expect(await installation.run(['export'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^There is no control database yet/),
    });
    expect(await readdir(installation.folder)).toEqual([]);
  });

  it('of a store without tenants is a file without tenants', async () => {
    await installation.run(['migrate']);
    expect(await installation.run(['export'])).toEqual({
      code: 0,
      stdout: 'apiVersion: tessera/v1\ntenants: []\n',
      stderr: '',
    });
  });

  it('of one tenant holds that tenant only', async () => {
    await installation.applied(BOTH);
    const { code, stdout } = await installation.run(['export', '--tenant', 'globex']);
    expect({ code, ids: stdout.match(/^ {2}- id: .*/gm) }).toEqual({ code: 0, ids: ['  - id: globex'] });
    expect(await installation.run(['export', '--tenant', 'none'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/There is no tenant "none": use one of acme, globex/),
    });
    expect((await installation.run(['export', '--tenant', 'A/b'])).code).toBe(2);
  });

  it.each([
    ['is gone', (file: string) => rm(file), /tenant "acme": its database does not exist/],
    ['is damaged', (file: string) => writeFile(file, 'not a database '.repeat(99)), /tenant "acme": Tenant database: /],
  ])('names a tenant whose database %s, and prints the others', async (_, harm, message) => {
    await installation.applied(BOTH);
    const folder = join(installation.dataDirectory, 'tenants');
    for (const suffix of ['-wal', '-shm']) await rm(join(folder, `acme.sqlite${suffix}`), { force: true });
    await harm(join(folder, 'acme.sqlite'));
    const result = await installation.run(['export']);
    expect(result).toMatchObject({ code: 1, stderr: expect.stringMatching(message) });
    expect(result.stdout.match(/^ {2}- id: .*/gm)).toEqual(['  - id: globex']);
  });
});

describe('a system that is damaged', () => {
  it.each([['apply', '-f', '-'], ['apply', '-f', '-', '--dry-run'], ['migrate'], ['export']])(
    'has no data directory to write to: %s',
    async (...args) => {
      await installation.write('data', 'a file');
      const result = await installation.run(args, { stdin: BOTH });
      expect(result).toMatchObject({ code: 1, stdout: '' });
      expect(result.stderr).toMatch(/TESSERA_DATA_DIR.*run the command again\.\n$/);
      expect(await readdir(installation.folder)).toEqual(['data']);
    },
  );

  it('is reported with the fix at the end, without a stack', async () => {
    await installation.applied(BOTH);
    await writeFile(
      join(installation.dataDirectory, 'control.sqlite'),
      'not a database at all, but long enough for one',
    );
    for (const args of [['export'], ['keys', 'list', 'acme'], ['migrate', '--dry-run']]) {
      const result = await installation.run(args);
      expect(result).toMatchObject({ code: 1 });
      expect(result.stderr).toMatch(/^Control database: .*run the command again\.\n$/);
    }
  });
});
