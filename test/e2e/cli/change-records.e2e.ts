import { hostname, userInfo } from 'node:os';
import Database from 'better-sqlite3';
import { join } from 'node:path';
import { TestInstallation } from './installation.ts';

/** Every change by command leaves records: who, on which host, what, and what it was before. */
const FILE = `apiVersion: tessera/v1
tenants:
  - id: acme
    name: Acme
    database: { driver: sqlite }
    projects:
      - id: shop
        name: Shop
        clients:
          - { id: web, policy: confidential, surfaces: [user], scopes: unbounded, subjects: any }
    users:
      - { id: u-ada, email: ada@acme.example, roles: [], groups: [], status: active }
`;

interface Recorded {
  readonly outcome: string;
  readonly route: string;
  readonly source: string;
  readonly tenant_id: string | null;
  readonly request_id: string;
  readonly subject_id: string | null;
  readonly client_id: string | null;
  readonly details: { readonly user: string; readonly host: string; readonly changes: readonly Change[] };
}

interface Change {
  readonly action: string;
  readonly kind: string;
  readonly id: string;
  readonly fields?: readonly { readonly field: string; readonly from: unknown; readonly to: unknown }[];
}

let installation: TestInstallation;
beforeEach(async () => {
  installation = await TestInstallation.make();
  await installation.applied(FILE);
});

async function records(): Promise<Recorded[]> {
  const { stdout } = await installation.run(['audit', '-o', 'json', '--limit', '10000']);
  return (JSON.parse(stdout) as { records: Recorded[] }).records.filter(({ route }) => route.startsWith('cli:'));
}

/** The records that the command adds. */
async function recordsOf(...args: string[]): Promise<Recorded[]> {
  const before = (await records()).length;
  const result = await installation.run(args);
  if (result.code !== 0) throw new Error(result.stderr);
  return (await records()).slice(before);
}

/** What an operator finds who asks for one thing. */
async function found(...filter: string[]): Promise<string[]> {
  const { stdout } = await installation.run(['audit', '-o', 'json', '--limit', '10000', ...filter]);
  return (JSON.parse(stdout) as { records: Recorded[] }).records.map(({ route, outcome }) => `${route} ${outcome}`);
}

const said = (rows: readonly Recorded[]) => rows.map(({ outcome, tenant_id }) => [outcome, tenant_id]);

it('apply records who changed what, before it begins and with the change', async () => {
  const rows = await records();
  // One for the tenant, and one for each client and user.
  expect(said(rows)).toEqual([
    ['started', 'acme'],
    ['changed', 'acme'],
    ['changed', 'acme'],
    ['changed', 'acme'],
  ]);
  for (const row of rows) {
    expect(row).toMatchObject({ route: 'cli:apply', source: hostname() });
    expect(row.details).toMatchObject({ user: userInfo().username, host: hostname() });
    expect(row.request_id).toBe(rows[0]?.request_id);
  }
  expect(rows.flatMap(({ outcome, details }) => (outcome === 'changed' ? details.changes : []))).toContainEqual(
    expect.objectContaining({ action: 'create', kind: 'user', id: 'acme/u-ada' }),
  );
  expect(JSON.stringify(rows)).not.toContain('@acme.example');
});

it('each change is found by the subject or the client that it is about', async () => {
  expect(await found('--subject', 'u-ada')).toEqual(['cli:apply changed']);
  expect(await found('--tenant', 'acme', '--client', 'shop/web')).toEqual(['cli:apply changed']);
  await recordsOf('user', 'add', 'acme/u-eve', '--email', 'eve@acme.example');
  await recordsOf('user', 'disable', 'acme/u-eve');
  await recordsOf('revoke', '--subject', 'acme/u-eve');
  expect(await found('--subject', 'u-eve')).toEqual(
    ['cli:users add', 'cli:users disable', 'cli:revoke'].flatMap((route) => [`${route} started`, `${route} changed`]),
  );
  const rows = await recordsOf('user', 'remove', 'acme/u-eve');
  expect(rows.at(-1)).toMatchObject({ subject_id: 'u-eve', client_id: null });
  await recordsOf('client', 'disable', 'acme/shop/web');
  await recordsOf('secrets', 'add', 'acme/shop/web');
  await recordsOf('revoke', '--client', 'acme/shop/web');
  expect(await found('--client', 'acme/shop/web')).toEqual([
    'cli:apply changed',
    'cli:clients disable started',
    'cli:clients disable changed',
    'cli:secrets add started',
    'cli:secrets add changed',
    'cli:revoke changed',
  ]);
});

it('an apply of many users leaves out none of them', async () => {
  const users = Array.from(
    { length: 1100 },
    (_, n) => `      - { id: u-${n}, email: u${n}@acme.example, roles: [], groups: [], status: active }\n`,
  );
  const before = (await records()).length;
  await installation.applied(FILE + users.join(''));
  const rows = (await records()).slice(before);
  for (const outcome of ['started', 'changed'])
    expect(rows.filter((row) => row.outcome === outcome).flatMap(({ details }) => details.changes)).toHaveLength(1100);
  expect(await found('--subject', 'u-999')).toEqual(['cli:apply changed']);
});

it('an apply that changes nothing records nothing', async () => {
  const before = await records();
  await installation.applied(FILE);
  expect(await records()).toEqual(before);
});

it('a dry run records nothing', async () => {
  const before = await records();
  expect((await installation.apply(FILE.replace('u-ada', 'u-eve'), '--dry-run', '--prune')).code).toBe(0);
  expect(await records()).toEqual(before);
});

it('keys rotate records the states before and after', async () => {
  const rows = await recordsOf('keys', 'rotate', 'acme');
  expect(said(rows)).toEqual([
    ['started', 'acme'],
    ['changed', 'acme'],
  ]);
  expect(rows[1]?.route).toBe('cli:keys rotate');
  expect(rows[1]?.details.changes).toEqual([
    { action: 'update', kind: 'key_ring', id: 'acme', fields: [{ field: expect.any(String), from: null, to: 'next' }] },
  ]);
});

it('secrets add and retire record the id, never the secret', async () => {
  const before = (await records()).length;
  const { stdout } = await installation.run(['secrets', 'add', 'acme/shop/web', '-o', 'json']);
  const { id, secret_id: secret } = JSON.parse(stdout) as { id: string; secret_id: string };
  const retired = await recordsOf('secrets', 'retire', 'acme/shop/web', id);
  const rows = (await records()).slice(before);
  expect(said(rows).map(([outcome]) => outcome)).toEqual(['started', 'changed', 'started', 'changed']);
  expect(rows[1]?.details.changes).toMatchObject([{ action: 'create', kind: 'secret', id: `acme/shop/web/${id}` }]);
  expect(retired[1]?.details.changes).toMatchObject([{ action: 'remove', kind: 'secret', id: `acme/shop/web/${id}` }]);
  expect(JSON.stringify(rows)).not.toContain(secret);
});

it('revoke records what was revoked', async () => {
  const rows = await recordsOf('revoke', '--subject', 'acme/ada@acme.example');
  expect(said(rows)).toEqual([
    ['started', 'acme'],
    ['changed', 'acme'],
  ]);
  expect(rows[1]?.details.changes).toEqual([{ action: 'create', kind: 'revocation', id: 'subject u-ada' }]);
  expect(JSON.stringify(rows)).not.toContain('@acme');
});

it('purge records what it destroyed', async () => {
  await installation.applied(FILE.replace(/ {8}clients:\n.*\n/, '        clients: []\n'), '--prune');
  const rows = await recordsOf('purge', '--yes');
  expect(said(rows)).toEqual([
    ['started', 'acme'],
    ['changed', 'acme'],
  ]);
  expect(rows[1]).toMatchObject({
    client_id: 'web',
    details: { changes: [{ action: 'remove', kind: 'secret', id: 'acme/shop/web' }] },
  });
});

it('an apply to several tenants records each of them, and which one failed', async () => {
  const file = (name: string) =>
    FILE +
    FILE.replace(/^[^]*tenants:\n/, '')
      .replaceAll('acme', 'beta')
      .replace('Acme', name);
  await installation.applied(file('Beta'));
  const directory = new Database(join(installation.dataDirectory, 'tenants/beta.sqlite'));
  directory.exec("CREATE TRIGGER no_users BEFORE INSERT ON tessera_users BEGIN SELECT RAISE(ABORT, 'full'); END");
  directory.close();
  const before = (await records()).length;
  const text = file('Beta').replaceAll('status: active', 'status: disabled');
  expect((await installation.apply(text)).code).toBe(1);
  const rows = (await records()).slice(before);
  expect(said(rows).sort()).toEqual([
    ['changed', 'acme'],
    ['failed', 'beta'],
    ['started', 'acme'],
    ['started', 'beta'],
  ]);
  const failed = rows.find(({ outcome }) => outcome === 'failed');
  expect(failed).toMatchObject({ subject_id: 'u-ada', details: { changes: [{ kind: 'user', id: 'beta/u-ada' }] } });
});

it('migrate records the databases whose schema it changed', async () => {
  installation = await TestInstallation.make();
  const { stdout } = await installation.run(['migrate', '-o', 'json']);
  expect(JSON.parse(stdout)).toMatchObject({ migrated: [{ database: 'control' }] });
  const rows = await records();
  expect(said(rows)).toEqual([
    ['started', null],
    ['changed', null],
  ]);
  expect(rows[1]).toMatchObject({
    route: 'cli:migrate',
    details: { changes: [{ action: 'update', kind: 'schema', id: 'control' }] },
  });
  await installation.run(['migrate']);
  expect(await records()).toEqual(rows);
});

it('a command that is refused after it began says so', async () => {
  const kid = (
    JSON.parse((await installation.run(['keys', 'list', 'acme', '-o', 'json'])).stdout) as { keys: { kid: string }[] }
  ).keys[0]!.kid;
  const before = (await records()).length;
  expect((await installation.run(['keys', 'retire', 'acme', kid])).code).toBe(1);
  expect(said((await records()).slice(before))).toEqual([
    ['started', 'acme'],
    ['failed', 'acme'],
  ]);
});

it('a change and its record are one transaction', async () => {
  const database = new Database(join(installation.dataDirectory, 'control.sqlite'));
  database.exec(
    "CREATE TRIGGER no_records BEFORE INSERT ON audit_records WHEN NEW.outcome = 'changed' BEGIN SELECT RAISE(ABORT, 'full'); END",
  );
  const revocations = () =>
    (database.prepare('SELECT count(*) AS rows FROM revocations').get() as { rows: number }).rows;
  expect((await installation.run(['revoke', '--tenant', 'acme'])).code).toBe(1);
  expect(revocations()).toBe(0);
  database.exec('DROP TRIGGER no_records');
  expect((await installation.run(['revoke', '--tenant', 'acme'])).code).toBe(0);
  expect(revocations()).toBe(1);
  database.close();
});

/** Prune removes only from lists that are written. */
const WITHOUT_RIGHTS = `${FILE}    scopes: []\n    roles: []\n    groups: []\n`;

it('an id or a name with an address is neither printed nor recorded, and its rows go', async () => {
  const directory = new Database(join(installation.dataDirectory, 'tenants/acme.sqlite'));
  const address = 'victim@acme.example';
  directory.exec(`INSERT INTO tessera_users VALUES ('${address}', 'eve@acme.example', 'eve@acme.example', 'active');
    INSERT INTO tessera_users VALUES ('x/${address}', 'eva@acme.example', 'eva@acme.example', 'active');
    INSERT INTO tessera_scopes VALUES ('scope-${address}', NULL);
    INSERT INTO tessera_roles VALUES ('role-${address}');
    INSERT INTO tessera_role_scopes VALUES ('role-${address}', 'scope-${address}');
    INSERT INTO tessera_user_groups VALUES ('group-${address}');`);
  for (const format of ['text', 'json']) {
    const shown = await installation.apply(WITHOUT_RIGHTS, '--prune', '--dry-run', '-o', format);
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining('acme/(a name with @)') });
    expect(shown.stdout + shown.stderr).not.toContain(address);
  }
  const before = (await records()).length;
  const { changes } = await installation.applied(WITHOUT_RIGHTS, '--prune');
  expect(JSON.stringify(changes)).not.toContain(address);
  const rows = (await records()).slice(before);
  expect(JSON.stringify(rows)).toContain('acme/(a name with @)');
  expect(JSON.stringify(rows)).not.toContain(address);
  for (const table of ['users', 'scopes', 'roles', 'user_groups'])
    expect(directory.prepare(`SELECT COUNT(*) AS n FROM tessera_${table}`).get()).toEqual({
      n: table === 'users' ? 1 : 0,
    });
  directory.close();
});
