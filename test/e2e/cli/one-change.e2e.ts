import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ControlPlane } from '../../../src/control-plane/control-plane.ts';
import { Log } from '../../../src/logging/log.ts';
import { operationSession } from '../../support/tessera/operation-session.ts';
import { readPage } from '../../support/fixtures/markdown.ts';
import { ACME, GLOBEX, tenantsFile } from './files.ts';
import { type Applied, type CliResult, TestInstallation } from './installation.ts';

const SILENT = new Log('silent', { write: () => undefined });

let installation: TestInstallation;
beforeEach(async () => {
  installation = await TestInstallation.make();
  await installation.applied(tenantsFile(ACME, GLOBEX));
});
afterEach(() => installation.remove());

function run(line: string): Promise<CliResult> {
  return installation.run(line.split(' '));
}

async function json<T>(line: string): Promise<T> {
  const result = await run(`${line} -o json`);
  if (result.code !== 0) throw new Error(`${line} ended with ${result.code}: ${result.stderr}`);
  return JSON.parse(result.stdout) as T;
}

async function changes(line: string): Promise<string[]> {
  return (await json<Applied>(line)).changes.map(({ action, kind, id }) => `${action} ${kind} ${id}`);
}

type Shown = Readonly<Record<string, unknown>>;

async function revocations(): Promise<string[]> {
  const controlPlane = await ControlPlane.forReading(installation.config(), SILENT);
  try {
    const rows = await controlPlane.query('SELECT tenant_id, kind, revoked_id FROM revocations ORDER BY seq');
    return rows.map((row) => `${String(row['tenant_id'])} ${String(row['kind'])} ${String(row['revoked_id'])}`);
  } finally {
    await controlPlane.close();
  }
}

const EVE = 'user add acme/u-eve --email eve@acme.example';
const APP = 'client add acme/shop/app --surfaces user,admin --scopes orders:read --subjects acme.example --ttl 5m';

/** Each command, what its plan says, what must exist before, and what shows it afterwards. */
const COMMANDS: readonly {
  readonly line: string;
  readonly plan: readonly string[];
  readonly before?: readonly string[];
  readonly show: string;
  /** `undefined`: it is not there. */
  readonly then: Shown | undefined;
}[] = [
  {
    line: `${EVE} --role reader --group staff`,
    plan: ['create user acme/u-eve'],
    show: 'user show acme/u-eve',
    then: { id: 'u-eve', email: 'eve@acme.example', status: 'active', roles: ['reader'], groups: ['staff'] },
  },
  {
    line: 'user disable acme/u-ada',
    plan: ['update user acme/u-ada'],
    show: 'user show acme/u-ada',
    // Everything else of the user stays.
    then: {
      status: 'disabled',
      groups: ['staff'],
      identities: [{ issuer: 'https://idp.example.com', sub: '248289761001' }],
    },
  },
  {
    line: 'user enable acme/ADA@acme.example',
    plan: ['update user acme/u-ada'],
    before: ['user disable acme/u-ada'],
    show: 'user show acme/u-ada',
    then: { status: 'active' },
  },
  { line: 'user remove acme/u-bob', plan: ['remove user acme/u-bob'], show: 'user show acme/u-bob', then: undefined },
  {
    line: 'user grant acme/u-ada reader',
    plan: ['update user acme/u-ada'],
    show: 'user show acme/u-ada',
    then: { roles: ['reader'], groups: ['staff'] },
  },
  {
    line: 'user ungrant acme/u-bob reader',
    plan: ['update user acme/u-bob'],
    show: 'user show acme/u-bob',
    then: { roles: [] },
  },
  {
    line: 'group add acme/sales --role reader',
    plan: ['create group acme/sales'],
    show: 'group show acme/sales',
    then: { name: 'sales', roles: ['reader'] },
  },
  {
    line: 'group add acme/empty',
    plan: ['create group acme/empty'],
    show: 'group show acme/empty',
    then: { roles: [], users: [] },
  },
  {
    line: 'group remove acme/staff',
    plan: ['update user acme/u-ada', 'remove group acme/staff'],
    show: 'group show acme/staff',
    then: undefined,
  },
  {
    line: 'group join acme/staff u-bob',
    plan: ['update user acme/u-bob'],
    show: 'group show acme/staff',
    then: { users: ['u-ada', 'u-bob'] },
  },
  {
    line: 'group leave acme/staff ada@acme.example',
    plan: ['update user acme/u-ada'],
    show: 'group show acme/staff',
    then: { users: [] },
  },
  {
    line: 'group grant acme/empty reader',
    plan: ['update group acme/empty'],
    before: ['group add acme/empty'],
    show: 'group show acme/empty',
    then: { roles: ['reader'] },
  },
  {
    line: 'group ungrant acme/staff reader',
    plan: ['update group acme/staff'],
    show: 'group show acme/staff',
    then: { roles: [], users: ['u-ada'] },
  },
  {
    line: APP,
    plan: ['create secret acme/shop/app', 'create client acme/shop/app'],
    show: 'client show acme/shop/app',
    then: {
      policy: 'confidential',
      surfaces: ['admin', 'user'],
      audience: 'shop',
      scopes: ['orders:read'],
      subjects: { domains: ['acme.example'] },
      ttl_seconds: 300,
    },
  },
  {
    line: 'client add acme/shop/till --surfaces user --scopes unbounded --subjects any --networks 10.1.0.0/16',
    plan: ['create client acme/shop/till'],
    show: 'client show acme/shop/till',
    then: { policy: { secretless: { networks: ['10.1.0.0/16'] } }, scopes: 'unbounded', subjects: 'any' },
  },
  {
    line: 'client add acme/shop/job --surfaces user --scopes unbounded --subjects any --audiences a,b --receives c --service-roles reader --jwks-uri https://job.example/keys',
    // It signs with its own keys: there is no secret.
    plan: ['create client acme/shop/job'],
    show: 'client show acme/shop/job',
    then: {
      policy: 'assertion',
      audiences: ['a', 'b'],
      receives: ['c'],
      service: { roles: ['reader'] },
      jwks_uri: 'https://job.example/keys',
    },
  },
  {
    line: 'client disable acme/shop/web',
    plan: ['update client acme/shop/web'],
    show: 'client show acme/shop/web',
    then: { status: 'disabled', scopes: ['orders:read'] },
  },
  {
    line: 'client enable acme/shop/web',
    plan: ['update client acme/shop/web'],
    before: ['client disable acme/shop/web'],
    show: 'client show acme/shop/web',
    then: { status: 'active' },
  },
  {
    line: 'client remove acme/shop/kiosk',
    plan: ['remove client acme/shop/kiosk'],
    show: 'client show acme/shop/kiosk',
    then: undefined,
  },
];

describe('a command that changes one thing', () => {
  it.each(COMMANDS)('changes this alone, once: $line', async ({ line, plan, before = [], show, then }) => {
    for (const earlier of before) await changes(earlier);
    const stores = await installation.fingerprint();
    expect(await changes(`${line} --dry-run`)).toEqual(plan);
    expect(await installation.fingerprint()).toEqual(stores);

    expect(await changes(line)).toEqual(plan);
    if (then === undefined) expect(await run(show)).toMatchObject({ code: 1 });
    else expect(await json<Shown>(show)).toMatchObject(then);

    // The whole state is what apply would make: an export applies without a change.
    const exported = (await run('export')).stdout;
    expect((await installation.applied(exported, '--dry-run')).changes).toEqual([]);
    expect(await run(line)).toMatchObject({ code: 0, stdout: 'Nothing to change.\n' });
    expect((await run('export')).stdout).toBe(exported);
  });

  it.each(COMMANDS)('has the plural as its other spelling: $line', async ({ line, plan, before = [] }) => {
    for (const earlier of before) await changes(earlier);
    expect(await changes(`${line.replace(' ', 's ')} --dry-run`)).toEqual(plan);
  });

  it('prints the lines of apply, and no address', async () => {
    const { stdout } = await run(`${EVE} --dry-run`);
    expect(stdout).toMatch(/^\+ create user acme\/u-eve.*\n1 change to make; this was a dry run\.\n$/);
    expect(stdout).not.toContain('@');
  });

  it('shows the secret of a new client once', async () => {
    expect((await json<Applied>(`${APP} --dry-run`)).secrets).toEqual([]);
    const { secrets } = await json<Applied>(APP);
    expect(secrets).toEqual([
      { tenant_id: 'acme', project_id: 'shop', client_id: 'app', secret_id: expect.stringMatching(/^tsk_/) as string },
    ]);
    expect((await json<Applied>(APP)).secrets).toEqual([]);
  });

  it('makes no secret for another client', async () => {
    await rm(join(installation.dataDirectory, 'vault', 'secret', 'acme'), { recursive: true });
    expect(await changes('user disable acme/u-ada')).toEqual(['update user acme/u-ada']);
    expect(await changes('client disable acme/shop/web')).toEqual(['update client acme/shop/web']);
  });

  it('keeps both of two changes at the same time', async () => {
    await installation.applied(
      tenantsFile(ACME.replace('    groups:\n', '      - { name: writer, scopes: [] }\n    groups:\n')),
    );
    const both = await Promise.all([run('user grant acme/u-ada reader'), run('user grant acme/u-ada writer')]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(await json<Shown>('user show acme/u-ada')).toMatchObject({ roles: ['reader', 'writer'] });
  });
});

describe('remove', () => {
  it.each([
    ['user remove acme/u-bob', ['acme subject u-bob']],
    ['client remove acme/shop/kiosk', ['acme client kiosk']],
    ['user disable acme/u-bob', []],
    ['client disable acme/shop/kiosk', []],
  ])('revokes tokens, and disable does not: %s', async (line, revoked) => {
    await changes(line);
    expect([...new Set(await revocations())]).toEqual(revoked);
  });

  it.each([
    ['user remove acme/u-gone', 'Tenant acme has no user "u-gone".\n'],
    ['user remove acme/gone@acme.example', 'Tenant acme has no user with this e-mail address.\n'],
    ['group remove acme/gone', 'Tenant acme has no group "gone".\n'],
    ['client remove acme/shop/gone', 'Tenant acme has no client "shop/gone".\n'],
  ])('of nothing changes nothing and says so: %s', async (line, stderr) => {
    expect(await run(line)).toEqual({ code: 0, stdout: 'Nothing to change.\n', stderr });
  });

  it('refuses a client that a trusted issuer names', async () => {
    const result = await run('client remove acme/shop/web');
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/issuers "corp": clients: there is no client "web"/);
  });
});

describe('a change that is refused', () => {
  it.each([
    [`${EVE} --role nothing`, /users\[0\] "u-eve": roles\[0\]: there is no role "nothing"/],
    [`${EVE} --group nothing`, /users\[0\] "u-eve": groups\[0\]: there is no group "nothing"/],
    ['user add acme/u-eve --email nobody', /users\[0\] "u-eve": email must be an e-mail address/],
    [
      'user add acme/u-eve --email BOB@acme.example',
      /users\[0\] "u-eve": email: users "u-eve" and "u-bob" have the same e-mail address/,
    ],
    ['user add acme/u-bob --email other@acme.example', /Tenant acme has user "u-bob" already, with other email\./],
    ['user add acme/client:x!y --email eve@acme.example', /users\[0\].*: id must be an id/],
    ['user add acme/client:shop --email eve@acme.example', /users\[0\].*: id must be an id: .* not with "client:"/],
    ['user add acme/client:shop/web --email eve@acme.example', /users\[0\].*: id must be an id: .* not with "client:"/],
    ['user disable acme/u-nobody', /Tenant acme has no user "u-nobody"\. See `tessera users list acme`/],
    ['user disable nobody/u-ada', /There is no tenant "nobody": use one of acme, globex/],
    ['user grant acme/u-ada nothing', /users\[0\] "u-ada": roles\[0\]: there is no role "nothing"/],
    ['group join acme/stuff u-bob', /Tenant acme has no group "stuff"\. Did you mean staff\?/],
    ['group join acme/staff u-nobody', /Tenant acme has no user "u-nobody"/],
    ['group add acme/staff --role other', /Tenant acme has group "staff" already, with other roles\./],
    [APP.replace('shop', 'shoq'), /Tenant acme has no project "shoq"\. Did you mean shop\?/],
    [APP.replace('user,admin', 'service'), /clients\[0\] "app": surfaces\[0\] must be one of admin, user/],
    [APP.replace('5m', '2h'), /clients\[0\] "app": ttl must be at most the tenant's ttl, 15m/],
    [APP.replace('acme.example', '*.example'), /clients\[0\] "app": subjects\.domains\[0\] must be a domain/],
    [`${APP} --audience urn:tessera:manage`, /clients\[0\] "app": audience must not be urn:tessera:manage/],
    [`${APP} --audiences shop`, /clients\[0\] "app": audiences\[0\] must not repeat the client's own audience/],
    [`${APP} --service-roles boss`, /clients\[0\] "app": service: there is no role "boss"/],
    [`${APP} --jwks-uri http://job.example/keys`, /clients\[0\] "app": jwks_uri must be an https URL/],
    [
      `${APP} --networks 10.0.0.0/8`,
      /clients\[0\] "app": surfaces: a secretless client may have the user surface only/,
    ],
  ])('names the thing and the member, and changes nothing: %s', async (line, message) => {
    const before = (await run('export')).stdout;
    for (const variant of [line, `${line} --dry-run`]) {
      const result = await run(variant);
      expect(result).toMatchObject({ code: 1, stdout: '' });
      expect(result.stderr).toMatch(message);
      expect(result.stderr).not.toMatch(/[a-z]@acme\.example|nobody@/);
    }
    expect((await run('export')).stdout).toBe(before);
  });

  it.each([
    'user add acme/u-eve',
    'user add u-eve --email eve@acme.example',
    'user grant acme/u-ada',
    'user grant acme/u-ada a"b',
    'group join acme/staff',
    'client add acme/shop/app --surfaces user',
    'client disable acme/shop',
    'user rename acme/u-ada',
  ])('ends with 2 for wrong use: %s', async (line) => {
    expect(await run(line)).toMatchObject({ code: 2, stdout: '' });
  });

  it('says through which group a role stays', async () => {
    expect(await run('user ungrant acme/u-ada reader')).toEqual({
      code: 0,
      stdout: 'Nothing to change.\n',
      stderr:
        'User "u-ada" has role "reader" through group "staff": `tessera group leave` or `tessera group ungrant` takes it away.\n',
    });
  });
});

it('does every job of docs/operation.md with one command, on the store of a quickstart', async () => {
  const { commands, counted } = operationSession('## Changing one thing');
  const fresh = await TestInstallation.make();
  await fresh.applied(readPage('examples/acme.yaml'));
  for (const args of commands) {
    const { stdout } = await fresh.run([...args, '-o', 'json']);
    const { changes: made } = JSON.parse(stdout) as Applied;
    // The secret of a new client belongs to it.
    expect({ args, made: made.filter(({ kind }) => kind !== 'secret').length }).toEqual({ args, made: 1 });
  }
  expect(commands).toHaveLength(counted);
  await fresh.remove();
});
