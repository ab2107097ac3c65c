import type { Finding } from '../../../src/cli/doctor/finding.ts';
import { tenantsFile } from './files.ts';
import { TestInstallation } from './installation.ts';

/** What `tessera doctor` says about tenants files that are valid, but whose clients hardly do what was meant. */
let installation: TestInstallation;
beforeEach(async () => {
  installation = await TestInstallation.make();
});
afterEach(() => installation.remove());

const REST = { surfaces: ['user'], scopes: ['orders:read'], subjects: 'any' };
/** An API that exchanges tokens; `shop-api` is the audience of what it is sent. */
const API = { ...REST, id: 'api', audience: 'shop-api', exchange: [{ to: 'shop-api', scopes: 'subset' }] };
/** Another client, without an audience of its own. */
const WEB = { ...REST, id: 'web' };

/** What doctor finds after an apply of a tenant whose role has `orders:read` and whose administrator has `tenant:manage`. */
async function found(...clients: readonly object[]): Promise<readonly Finding[]> {
  const tenant = {
    id: 'acme',
    database: { driver: 'sqlite' },
    projects: [{ id: 'shop', clients }],
    scopes: [{ name: 'orders:read', resource: 'orders' }],
    roles: [{ name: 'reader', scopes: ['orders:read'] }],
    admins: [{ id: 'a-root', email: 'root@acme.example', scopes: ['tenant:manage'] }],
  };
  await installation.applied(tenantsFile(`  - ${JSON.stringify(tenant)}\n`), '--prune');
  const { stdout } = await installation.run(['doctor', '-o', 'json']);
  const { findings } = JSON.parse(stdout) as { findings: readonly Finding[] };
  // Of the administrator, who has no client here.
  return findings.filter(({ check }) => check !== 'administrator-scopes');
}

const warning = (check: string, client: string, problem: string) =>
  expect.objectContaining({ check, severity: 'warning', object: `acme/shop/${client}`, problem }) as Finding;

describe('a target of an exchange', () => {
  const problem = 'it may exchange tokens for stock-api, an audience that no client of the tenant has or receives';
  const toStock = { ...API, exchange: [{ to: 'stock-api', scopes: 'subset' }] };

  it('is found if no client has it, and not with the client that the advice describes', async () => {
    const [finding, ...others] = await found(toStock);
    expect([finding, others]).toEqual([warning('exchange-targets', 'api', problem), []]);
    expect(finding?.command).toContain('"surfaces: []"');
    const stock = { id: 'stock', surfaces: [], audience: 'stock-api', scopes: [], subjects: 'any' };
    expect(await found(toStock, stock)).toEqual([]);
  });
});

describe('a scope that nobody can have', () => {
  it('is found in the bound of a client', async () => {
    expect(await found({ ...WEB, scopes: ['orders:read', 'orders:reed', 'Orders:read'] })).toEqual([
      warning('ungranted-scopes', 'web', 'its "scopes" lists scopes that no role has: Orders:read, orders:reed'),
    ]);
  });

  it('is found in the list of an exchange', async () => {
    const exchange = [{ to: 'shop-api', scopes: ['orders:read', 'orders:reed'] }];
    expect(await found({ ...API, exchange })).toEqual([
      warning('ungranted-scopes', 'api', 'its "exchange" for shop-api lists scopes that no role has: orders:reed'),
    ]);
  });

  it('is found as one of an administrator where no administrator gets tokens', async () => {
    const exchange = [{ to: 'shop-api', scopes: ['tenant:manage'] }];
    const scopes = ['orders:read', 'tenant:manage'];
    const api = { ...API, exchange, surfaces: ['admin', 'user'], scopes };
    expect(await found(api, { ...WEB, scopes })).toEqual([
      warning('ungranted-scopes', 'api', 'its "exchange" for shop-api lists scopes that no role has: tenant:manage'),
      warning('ungranted-scopes', 'web', 'its "scopes" lists scopes that no role has: tenant:manage'),
    ]);
  });

  it('is not found where all are of a role, or of an administrator of the admin surface', async () => {
    const exchange = [{ to: 'shop-api', scopes: ['orders:read'] }];
    const admin = { ...WEB, surfaces: ['admin', 'user'], scopes: ['orders:read', 'tenant:manage'] };
    expect(await found({ ...API, exchange }, admin)).toEqual([]);
  });
});

describe('clients without an audience of their own', () => {
  const byDefault = { ...REST, id: 'api', exchange: [{ to: 'shop', scopes: 'subset' }] };
  const service = { ...WEB, surfaces: [], service: { roles: ['reader'] } };

  it.each([
    ['for users', WEB],
    ['about itself', service],
  ])('are found where one may exchange the tokens %s of the other', async (_, other) => {
    const problem = 'it may exchange the tokens of web: all have the audience of their project, shop';
    expect(await found(byDefault, other)).toEqual([warning('shared-audiences', 'api', problem)]);
  });

  it.each([
    ['one has an audience', { ...byDefault, audience: 'shop-api' }, WEB],
    ['one says what it receives', { ...byDefault, receives: ['shop'] }, WEB],
    ['none may exchange tokens', { ...byDefault, exchange: [] }, WEB],
    ['the other gets no tokens that may be exchanged', byDefault, { ...WEB, surfaces: ['admin'] }],
  ])('are not found where %s', async (_, api, web) => {
    expect(await found(api, web)).toEqual([]);
  });
});
