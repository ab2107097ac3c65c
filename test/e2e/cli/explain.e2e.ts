import { rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { TENANTS_FILE } from '../../support/fixtures/tenants-file.ts';
import { TestInstallation } from './installation.ts';

let installation: TestInstallation;
beforeAll(async () => {
  installation = await TestInstallation.make();
  await installation.applied(TENANTS_FILE);
});
afterAll(() => installation.remove());

interface Explained {
  readonly decision: string;
  readonly claims: Readonly<Record<string, unknown>> | null;
  readonly scopes: readonly object[];
  readonly steps: readonly { readonly step: string; readonly outcome: string; readonly reason?: string }[];
}

const explain = (line: string) => installation.run(`explain ${line}`.split(' '));
async function explained(line: string): Promise<Explained & { readonly code: number; readonly stderr: string }> {
  const { code, stdout, stderr } = await explain(`${line} -o json`);
  return { code, stderr, ...(JSON.parse(stdout) as Explained) };
}

const STEPS = ['parse', 'limit', 'tenant', 'authenticate', 'authorize', 'claims', 'sign'];

describe('tessera explain', () => {
  it('shows the steps, the claims, and where each scope comes from, and changes nothing', async () => {
    const before = await installation.fingerprint();
    const { code, stderr, decision, claims, scopes, steps } = await explained('acme/shop/anything ada@acme.example');
    expect({ code, stderr, decision }).toEqual({ code: 0, stderr: '', decision: 'yes' });
    expect(claims).toMatchObject({ sub: 'u-ada', scope: 'orders:read orders:write stock:read', surface: 'user' });
    expect(scopes).toEqual([
      { scope: 'orders:read', role: 'manager', group: 'sales' },
      { scope: 'orders:write', role: 'manager', group: 'sales' },
      { scope: 'stock:read', role: 'keeper' },
    ]);
    expect(steps.map(({ step }) => step)).toEqual(STEPS);
    expect(steps.map(({ outcome }) => outcome)).toEqual(['ok', 'assumed', 'ok', 'assumed', 'ok', 'ok', 'ok']);
    expect(await installation.fingerprint()).toEqual(before);
  });

  it('shows as text what cut a scope', async () => {
    const { code, stdout } = await explain('acme/shop/web ada@acme.example');
    expect(code).toBe(0);
    expect(stdout).toContain('orders:read   role manager (group sales)\n');
    expect(stdout).toContain('stock:read    role keeper                 CUT: not among the scopes of client web\n');
    expect(stdout).toMatch(/^authenticate +assumed +the client sends a valid secret$/m);
    expect(stdout).toContain('"scope": "orders:read orders:write"');
  });

  it('has the scopes of an administrator from no role', async () => {
    const { code, scopes, claims } = await explained('acme/shop/web root@acme.example --surface admin');
    expect({ code, scopes }).toEqual({ code: 0, scopes: [{ scope: 'tenant:manage', role: null }] });
    expect(claims).toMatchObject({ sub: 'a-root', surface: 'admin' });
  });

  it('says that the network of a secretless client is assumed', async () => {
    const { code, steps } = await explained('acme/shop/kiosk-elsewhere ada@acme.example');
    expect(code).toBe(0);
    expect(steps[3]).toEqual({
      step: 'authenticate',
      outcome: 'assumed',
      reason: 'the client asks without a secret from one of its networks: 10.0.0.0/8',
    });
  });

  it.each([
    ['a user', 'acme/shop/web u-ada', 'u-ada'],
    ['an administrator', 'acme/shop/web a-root --surface admin', 'a-root'],
  ])('takes the id of %s', async (_name, line, sub) => {
    const { code, claims } = await explained(line);
    expect({ code, sub: claims?.['sub'] }).toEqual({ code: 0, sub });
  });

  it.each([
    ['of an unknown tenant', 'nope/shop/web ada@acme.example', 'tenant', 'unknown tenant'],
    ['of a suspended tenant', 'initech/shop/web ina@initech.example', 'authenticate', 'the tenant is suspended'],
    ['of an unknown project', 'acme/shops/web ada@acme.example', 'authenticate', 'unknown project or client'],
    ['of a disabled project', 'acme/closed/late ada@acme.example', 'authenticate', 'the project is disabled'],
    ['of an unknown client', 'acme/shop/webb ada@acme.example', 'authenticate', 'unknown project or client'],
    ['of a disabled client', 'acme/shop/gone ada@acme.example', 'authenticate', 'the client is disabled'],
    [
      'on another surface',
      'acme/shop/reader root@acme.example --surface admin',
      'authorize',
      'the client may not use this surface',
    ],
    ['for nobody', 'acme/shop/web nobody@acme.example', 'authorize', 'unknown subject'],
    ['for a disabled user', 'acme/shop/web bob@acme.example', 'authorize', 'the subject is disabled'],
    [
      'for a user of another domain',
      'acme/shop/web eve@elsewhere.example',
      'authorize',
      'the client may not ask for this subject',
    ],
    ['for an unknown id', 'acme/shop/web u-nobody', 'parse', 'no user has this id, and it is no e-mail address'],
    [
      'for the id of the other surface',
      'acme/shop/web u-ada --surface admin',
      'parse',
      'no administrator has this id, and it is no e-mail address',
    ],
  ])('refuses a token %s, at the step that refuses it', async (_name, line, step, reason) => {
    const { code, stderr, decision, claims, steps } = await explained(line);
    expect({ code, decision, claims }).toEqual({ code: 1, decision: 'no', claims: null });
    expect(stderr).toBe(`There would be no token: ${reason}.\n`);
    const at = STEPS.indexOf(step);
    expect(steps[at]).toEqual({ step, outcome: 'refused', reason });
    expect(steps.slice(at + 1).map(({ outcome }) => outcome)).toEqual(STEPS.slice(at + 1).map(() => 'not reached'));
    expect(steps.slice(0, at).filter(({ outcome }) => outcome !== 'ok' && outcome !== 'assumed')).toEqual([]);
  });
});

describe('tessera explain --scope', () => {
  it('shows that scope only', async () => {
    const { code, decision, scopes } = await explained('acme/shop/web ada@acme.example --scope orders:write');
    expect({ code, decision }).toEqual({ code: 0, decision: 'yes' });
    expect(scopes).toEqual([{ scope: 'orders:write', role: 'manager', group: 'sales' }]);
  });

  it.each([
    [
      'cut by the client',
      'stock:read',
      { scope: 'stock:read', role: 'keeper', cut: 'not among the scopes of client web' },
    ],
    [
      'not granted to the subject',
      'tenant:manage',
      { scope: 'tenant:manage', role: null, cut: 'not granted to the subject' },
    ],
  ])('says why a token would lack a scope that is %s', async (_name, scope, entry) => {
    const { code, stderr, decision, scopes, claims } = await explained(
      `acme/shop/web ada@acme.example --scope ${scope}`,
    );
    // The decision is the server's: there would be a token, without this scope.
    expect({ code, stderr, decision, scopes }).toEqual({ code: 0, stderr: '', decision: 'yes', scopes: [entry] });
    expect(claims).toMatchObject({ scope: 'orders:read orders:write' });
  });

  it('says why there would be no token at all', async () => {
    const { code, stderr } = await explained('acme/shop/web bob@acme.example --scope orders:read');
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'There would be no token: the subject is disabled.\n' });
  });
});

describe('tessera explain over stores that fail', () => {
  it.each([
    ['the database of the tenant', 'tenants/acme.sqlite', 'authorize', 'tenant database: database does not exist'],
    ['the key ring', 'vault', 'sign', 'key ring: the tenant has none'],
  ])('refuses at the step that needs %s', async (_name, path, step, reason) => {
    const other = await TestInstallation.make();
    try {
      await other.applied(TENANTS_FILE);
      rmSync(join(other.dataDirectory, path), { recursive: true });
      const { code, stdout, stderr } = await other.run(['explain', 'acme/shop/web', 'ada@acme.example', '-o', 'json']);
      const { steps } = JSON.parse(stdout) as Explained;
      expect({ code, refused: steps.find(({ outcome }) => outcome === 'refused') }).toEqual({
        code: 1,
        refused: { step, outcome: 'refused', reason },
      });
      // Then what mends it.
      expect(stderr.split('\n')).toEqual([`There would be no token: ${reason}.`, expect.stringMatching(/\.$/), '']);
    } finally {
      await other.remove();
    }
  });
});

describe('tessera explain used wrongly', () => {
  it.each(['acme/shop ada@acme.example', 'acme/shop/web', 'acme/shop/web ada@acme.example --surface all'])(
    '%s is wrong use',
    async (line) => {
      expect((await explain(line)).code).toBe(2);
    },
  );

  it('prints a name of a tenant’s database in escapes', async () => {
    const other = await TestInstallation.make();
    try {
      await other.applied(TENANTS_FILE);
      const database = new Database(join(other.dataDirectory, 'tenants/acme.sqlite'));
      database.pragma('foreign_keys = OFF');
      database.exec(
        `INSERT INTO tessera_user_roles VALUES ('u-ada', 'a\u202eb'); INSERT INTO tessera_role_scopes VALUES ('a\u202eb', 'stock:read')`,
      );
      database.close();
      const text = await other.run(['explain', 'acme/shop/web', 'ada@acme.example']);
      expect(text.stdout).toContain('role a\\u202eb');
      expect(text.stdout).not.toContain('\u202e');
    } finally {
      await other.remove();
    }
  });
});
