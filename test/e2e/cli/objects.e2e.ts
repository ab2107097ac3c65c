import BetterSqlite3 from 'better-sqlite3';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ACME, GLOBEX, tenantsFile } from './files.ts';
import { type CliResult, TestInstallation } from './installation.ts';

let installation: TestInstallation;
beforeAll(async () => {
  installation = await TestInstallation.make();
  await installation.applied(tenantsFile(ACME, GLOBEX));
});
afterAll(() => installation.remove());

function run(line: string): Promise<CliResult> {
  return installation.run(line.split(' '));
}

async function json(line: string): Promise<Readonly<Record<string, unknown>>> {
  const result = await run(`${line} -o json`);
  if (result.code !== 0) throw new Error(`${line} ended with ${result.code}: ${result.stderr}`);
  expect(result.stderr).toBe('');
  return JSON.parse(result.stdout) as Record<string, unknown>;
}

const ADA = {
  id: 'u-ada',
  email: 'ada@acme.example',
  status: 'active',
  roles: [],
  groups: ['staff'],
  identities: [{ issuer: 'https://idp.example.com', sub: '248289761001' }],
};
const BOB = { ...ADA, id: 'u-bob', email: 'bob@acme.example', roles: ['reader'], groups: [], identities: [] };
const ROOT = {
  id: 'a-root',
  email: 'root@acme.example',
  status: 'active',
  roles: [],
  scopes: ['tenant:manage'],
  identities: [],
};
const KIOSK = {
  project_id: 'shop',
  id: 'kiosk',
  status: 'active',
  policy: { secretless: { networks: ['10.0.0.0/8'] } },
  surfaces: ['user'],
  audience: 'shop',
  scopes: 'unbounded',
  subjects: 'any',
  ttl_seconds: null,
  audiences: [],
  receives: null,
  exchange: [],
  service: null,
  keys: [],
  jwks_uri: null,
  workload: null,
};
const WEB = { ...KIOSK, id: 'web', policy: 'confidential', surfaces: ['admin', 'user'], scopes: ['orders:read'] };
const SHOP = { id: 'shop', name: 'shop', status: 'active', clients: ['kiosk', 'web'] };
const TENANT = {
  id: 'acme',
  name: 'Acme Ltd',
  status: 'active',
  database: { driver: 'sqlite' },
  tokens: { alg: 'ES256', ttl_seconds: 900 },
  projects: ['shop'],
  issuers: ['corp'],
  admins: ['a-root'],
};

describe('tessera KIND list', () => {
  it.each([
    ['projects', { projects: [SHOP] }],
    ['clients', { clients: [KIOSK, WEB] }],
    ['users', { users: [ADA, BOB], next: null }],
    ['groups', { groups: [{ name: 'staff', roles: ['reader'] }] }],
    ['roles', { roles: [{ name: 'reader', scopes: ['orders:read'] }] }],
    ['scopes', { scopes: [{ name: 'orders:read', resource: 'orders' }] }],
    ['admins', { admins: [ROOT] }],
  ])('prints the %s of a tenant as JSON, by either spelling', async (kind, expected) => {
    expect(await json(`${kind} list acme`)).toEqual(expected);
    expect(await json(`${kind.slice(0, -1)} list acme`)).toEqual(expected);
  });

  it('prints all tenants', async () => {
    expect(await json('tenants list')).toMatchObject({ tenants: [TENANT, { id: 'globex' }] });
    expect((await run('tenant list')).stdout).toMatch(/^ID +NAME +STATUS.*\nacme +Acme Ltd +active +driver sqlite /);
  });

  it('prints a table, and a dash for nothing', async () => {
    expect((await run('users list acme')).stdout).toBe(
      [
        'ID     EMAIL             STATUS  ROLES   GROUPS',
        'u-ada  ada@acme.example  active  -       staff',
        'u-bob  bob@acme.example  active  reader  -',
        '',
      ].join('\n'),
    );
    expect((await run('clients list acme')).stdout).toMatch(
      /^PROJECT ID +ID +STATUS.* TTL\nshop +kiosk +active +secretless networks 10\.0\.0\.0\/8 .* any +-\n/,
    );
  });

  it('says so where there is nothing', async () => {
    expect(await run('groups list globex')).toEqual({ code: 0, stdout: 'Tenant globex has no groups.\n', stderr: '' });
    expect(await json('groups list globex')).toEqual({ groups: [] });
  });

  it('prints many users page by page, and how to go on', async () => {
    const first = await run('users list acme --limit 1');
    expect(first).toMatchObject({
      code: 0,
      stderr: "There are more than these 1: add --after 'u-ada' for the next ones.\n",
    });
    expect(first.stdout).not.toContain('u-bob');
    expect(await json('users list acme --limit 1')).toEqual({ users: [ADA], next: 'u-ada' });
    expect(await json('users list acme --limit 1 --after u-ada')).toEqual({ users: [BOB], next: null });
    expect((await run('users list acme --after u-bob')).stdout).toBe('Tenant acme has no more users.\n');
  });
});

describe('tessera KIND show', () => {
  it.each([
    ['tenants show acme', TENANT],
    ['projects show acme/shop', SHOP],
    ['clients show acme/shop/web', WEB],
    ['users show acme/u-bob', BOB],
    ['users show acme/BOB@acme.example', BOB],
    ['groups show acme/staff', { name: 'staff', roles: ['reader'], users: ['u-ada'], more_users: false }],
    [
      'roles show acme/reader',
      { name: 'reader', scopes: ['orders:read'], groups: ['staff'], users: ['u-bob'], more_users: false },
    ],
    ['scopes show acme/orders:read', { name: 'orders:read', resource: 'orders', roles: ['reader'] }],
    ['admins show acme/a-root', ROOT],
    ['admins show acme/root@acme.example', ROOT],
  ])('prints JSON for %s, by either spelling', async (line, expected) => {
    expect(await json(line)).toEqual(expected);
    expect(await json(line.replace('s show', ' show'))).toEqual(expected);
  });

  it('prints a line for each member', async () => {
    expect((await run('users show acme/u-ada')).stdout).toBe(
      [
        'id          u-ada',
        'email       ada@acme.example',
        'status      active',
        'roles       -',
        'groups      staff',
        'identities  issuer https://idp.example.com sub 248289761001',
        '',
      ].join('\n'),
    );
  });
});

describe('a thing that is not there', () => {
  it.each([
    ['users list nobody', 'There is no tenant "nobody": use one of acme, globex, or make it'],
    ['tenants show nobody', 'There is no tenant "nobody": use one of acme, globex, or make it'],
    ['users show nobody/u-ada', 'There is no tenant "nobody": use one of acme, globex'],
    ['projects show acme/shops', 'Tenant acme has no project "shops". Did you mean shop?'],
    ['clients show acme/shop/wep', 'Tenant acme has no client "shop/wep". Did you mean shop/web?'],
    ['clients show acme/nowhere/web', 'Tenant acme has no client "nowhere/web". See `tessera clients list acme`.'],
    ['users show acme/u-hank', 'Tenant acme has no user "u-hank". See `tessera users list acme`.'],
    ['groups show acme/stuff', 'Tenant acme has no group "stuff". Did you mean staff?'],
    ['roles show acme/x', 'Tenant acme has no role "x". See `tessera roles list acme`.'],
    ['scopes show acme/orders:reed', 'Tenant acme has no scope "orders:reed". Did you mean orders:read?'],
    ['admins show acme/a-rot', 'Tenant acme has no admin "a-rot". Did you mean a-root?'],
  ])('ends %s with 1 and a sentence', async (line, sentence) => {
    const result = await run(line);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain(sentence);
  });

  it('does not repeat an address that nobody has', async () => {
    for (const kind of ['users', 'admins']) {
      const result = await run(`${kind} show acme/eve@acme.example`);
      expect(result).toMatchObject({ code: 1, stdout: '' });
      expect(result.stderr).toContain('with this e-mail address');
      expect(result.stderr).not.toContain('eve');
    }
  });

  it.each([
    'users show acme',
    'users show acme/',
    'users show ../u-ada',
    'clients show acme/shop',
    'projects show acme/shop/web',
    'roles show acme/a"b',
    'users list acme/u-ada',
    'users list acme --limit 0',
    'users list acme --limit 10001',
    'users list acme --after ä',
    'users',
  ])('ends %s with 2', async (line) => {
    expect(await run(line)).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('the stores', () => {
  it('stay as they are', async () => {
    const before = await installation.fingerprint();
    for (const line of [
      'tenants list',
      'users list acme',
      'roles show acme/reader',
      'users show acme/ada@acme.example',
    ])
      expect(await run(line)).toMatchObject({ code: 0 });
    expect(await installation.fingerprint()).toEqual(before);
  });

  it("print a tenant's words escaped", async () => {
    const other = await TestInstallation.make();
    await other.applied(tenantsFile(GLOBEX));
    const database = new BetterSqlite3(join(other.dataDirectory, 'tenants', 'globex.sqlite'));
    database.exec("INSERT INTO tessera_roles (name) VALUES ('evil' || char(27) || '[2J')");
    database.close();
    for (const line of ['roles list globex', 'roles list globex -o json']) {
      const { code, stdout } = await other.run(line.split(' '));
      expect(code).toBe(0);
      expect(stdout).toContain(String.raw`evil\u001b[2J`);
    }
    await other.remove();
  });

  it('are named when they are away: the tenant, and what still answers', async () => {
    const other = await TestInstallation.make();
    await other.applied(tenantsFile(GLOBEX));
    await rm(join(other.dataDirectory, 'tenants', 'globex.sqlite'));
    const result = await other.run(['users', 'list', 'globex']);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/^tenant "globex": its database does not exist\. /);
    expect(await other.run(['clients', 'list', 'globex'])).toMatchObject({ code: 0 });
    await other.remove();
  });
});
