import { generateKeyPairSync } from 'node:crypto';
import { ACME, tenantsFile } from './files.ts';
import { TestInstallation } from './installation.ts';

let installation: TestInstallation;
beforeEach(async () => {
  installation = await TestInstallation.make();
});
afterEach(() => installation.remove());

const jwk = (kid: string) => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256' };
};
const KEY = jwk('k1');
const REST = { surfaces: ['user'], scopes: ['orders:read'], subjects: 'any' };
/** As JSON, which is YAML. */
const clients = (...list: readonly object[]): string =>
  tenantsFile(`  - ${JSON.stringify({ id: 'acme', projects: [{ id: 'shop', clients: list }] })}\n`);

const BILLING = {
  ...REST,
  id: 'billing',
  audiences: ['https://reports.example/api', 'reports'],
  receives: ['shop', 'billing'],
  exchange: [
    { to: 'stock', scopes: 'subset' },
    { to: 'ledger', scopes: ['orders:read'] },
  ],
  service: { roles: ['reader'] },
};
const BATCH = { ...REST, id: 'batch', keys: [KEY], service: { roles: [] } };
const REMOTE = { ...REST, id: 'remote', jwks_uri: 'https://remote.example/keys', receives: [] };
const POD = {
  ...REST,
  id: 'pod',
  workload: { issuer: 'corp', conditions: { sub: ['system:serviceaccount:a:b'], '/k8s/ns': { contains: 'a' } } },
};
const ALL = clients(BILLING, BATCH, REMOTE, POD);

const show = async (client: string): Promise<Record<string, unknown>> => {
  const { stdout } = await installation.run(['clients', 'show', `acme/shop/${client}`, '--output', 'json']);
  return JSON.parse(stdout) as Record<string, unknown>;
};
const exported = async () => (await installation.run(['export'])).stdout;

describe('clients that use the token endpoint', () => {
  beforeEach(() => installation.applied(tenantsFile(ACME)));

  it('are stored, and the same file again changes nothing', async () => {
    const { changes, secrets } = await installation.applied(ALL);
    expect(changes.filter(({ kind }) => kind === 'client').map(({ id }) => id)).toEqual(
      ['billing', 'batch', 'remote', 'pod'].map((id) => `acme/shop/${id}`),
    );
    // Those that authenticate by keys or as a workload get no secret.
    expect(secrets.map(({ client_id: id }) => id)).toEqual(['billing']);
    expect((await installation.applied(ALL)).changes).toEqual([]);
    expect(await show('billing')).toMatchObject({ policy: 'confidential', service: { roles: ['reader'] } });
    expect(await show('batch')).toMatchObject({ policy: 'assertion' });
  });

  it('are exported, and an apply with --prune restores them exactly', async () => {
    await installation.applied(ALL);
    const before = await exported();
    await installation.applied(
      clients(
        { id: 'billing', audiences: [], receives: null, exchange: [], service: null, keys: [jwk('k2')] },
        { id: 'batch', keys: null, policy: 'confidential' },
        { id: 'remote', jwks_uri: null, keys: [KEY] },
        { id: 'pod', workload: null, jwks_uri: 'https://pod.example/keys' },
        { id: 'web', audiences: ['a'], exchange: [{ to: 'a', scopes: 'subset' }] },
      ),
    );
    expect(await exported()).not.toBe(before);
    expect((await installation.apply(before, '--prune')).code).toBe(0);
    expect(await exported()).toBe(before);
  });

  it('are named in a plan by what they do without a member', async () => {
    await installation.applied(clients({ ...BILLING, ttl: '5m' }, REMOTE));
    const { stdout } = await installation.apply(
      clients({ id: 'billing', receives: null, exchange: [], ttl: null }, { id: 'remote', receives: null }),
      '--dry-run',
    );
    expect(stdout).toContain('receives: [billing, shop] → its own audience');
    expect(stdout).toMatch(/exchange: \[.*\] → no exchange/);
    expect(stdout).toContain('ttl: 5m → that of the tenant');
    // Narrow to wide: the empty list is nothing.
    expect(stdout).toContain('~ update client acme/shop/remote   receives: [] → its own audience\n');
  });
});
