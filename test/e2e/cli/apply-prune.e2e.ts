import { ACME, GLOBEX, tenantsFile } from './files.ts';
import { TestInstallation } from './installation.ts';
import { replaceEach } from '../../../libs/token/test/replace-once.ts';

let installation: TestInstallation;
beforeEach(async () => {
  installation = await TestInstallation.make();
  await installation.applied(tenantsFile(ACME, GLOBEX));
});
afterEach(() => installation.remove());

const LESS = tenantsFile(replaceEach(ACME, [/ {6}- \{ id: u-bob.*\n/, '']));
const GLOBEX_GOES = { action: 'remove', kind: 'tenant', id: 'globex', fields: [] };
const BOB_GOES = {
  action: 'remove',
  kind: 'user',
  id: 'acme/u-bob',
  fields: [
    { field: 'email' },
    { field: 'status', from: 'active', to: null },
    { field: 'roles', from: ['reader'], to: null },
    { field: 'groups', from: [], to: null },
    { field: 'identities' },
  ],
};

describe('--prune', () => {
  it('removes only inside tenants that the file names', async () => {
    expect((await installation.applied(LESS, '--prune')).changes).toEqual([BOB_GOES]);
  });

  it('removes nothing of a tenant or project that the file only names', async () => {
    const named = tenantsFile(
      '  - { id: acme, status: active }\n  - { id: globex, projects: [{ id: app }], users: [{ id: u-hank }] }\n',
    );
    expect(await installation.applied(named, '--prune')).toEqual({ changes: [], secrets: [] });
  });

  it('removes nothing from a list that the file leaves out', async () => {
    const named = tenantsFile(
      '  - { id: acme, users: [{ id: u-ada }] }\n  - { id: globex, projects: [{ id: app }] }\n',
    );
    expect((await installation.applied(named, '--prune')).changes).toEqual([BOB_GOES]);
  });

  it('refuses to remove what a thing that stays refers to', async () => {
    const result = await installation.apply(
      tenantsFile('  - { id: acme, users: [{ id: u-ada }], groups: [] }\n'),
      '--prune',
    );
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain('users[0] "u-ada": groups: there is no group "staff" after this');
  });
});

describe('--prune-tenants', () => {
  it('removes whole tenants with --yes, and nothing inside the others', async () => {
    expect((await installation.applied(LESS, '--prune-tenants', '--yes')).changes).toEqual([GLOBEX_GOES]);
  });

  it('is wrong use without a terminal and without --yes, and changes nothing', async () => {
    const before = await installation.fingerprint();
    const result = await installation.apply(LESS, '--prune', '--prune-tenants');
    expect(result).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/Nothing was changed\..* --yes\.\n$/),
    });
    expect(await installation.fingerprint()).toEqual(before);
    expect((await installation.applied(LESS, '--prune', '--prune-tenants', '--dry-run')).changes).toEqual([
      BOB_GOES,
      GLOBEX_GOES,
    ]);
  });

  it('asks for the id at a terminal', async () => {
    const path = await installation.write('less.yaml', LESS);
    const before = await installation.fingerprint();
    const asked = (stdin: string) => installation.run(['apply', '-f', path, '--prune-tenants'], { stdin, isTTY: true });
    for (const answer of ['', 'yes\n', 'acme\n']) {
      expect(await asked(answer)).toMatchObject({ code: 1, stderr: expect.stringMatching(/Nothing was changed\.\n$/) });
      expect(await installation.fingerprint()).toEqual(before);
    }
    const done = await asked('globex\n');
    expect(done).toMatchObject({ code: 0, stdout: expect.stringMatching(/- remove tenant globex, the whole tenant/) });
    expect(done.stderr).toContain(
      'This removes the whole tenant "globex" and revokes its tokens. Type its id to confirm: ',
    );
  });

  it('does not ask a terminal whose input is the file', async () => {
    const result = await installation.run(['apply', '-f', '-', '--prune-tenants'], { stdin: LESS, isTTY: true });
    expect(result.code).toBe(2);
  });

  it('removes nothing for a file without tenants', async () => {
    for (const args of [['--prune'], ['--prune', '--prune-tenants'], ['--prune-tenants', '--yes']])
      expect(await installation.applied('apiVersion: tessera/v1\ntenants: []\n', ...args)).toEqual({
        changes: [],
        secrets: [],
      });
  });
});
