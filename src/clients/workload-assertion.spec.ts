import { parseTrustId } from '../domain/ids.ts';
import type { Client, Condition, Trust } from '../tenancy/tenant.ts';
import { assertionForm, type CallerFixture, clientDraft, openCallerFixture } from '../testing/caller-fixture.ts';
import { type HostileProvider, startHostileProvider } from '../testing/hostile-provider.ts';
import { claimsFor } from '../testing/issuing-fixture.ts';
import { providerKey, writeSubjectToken } from '../testing/provider-tokens.ts';
import { refusalOf } from '../testing/refusal.ts';
import { tenantId } from '../testing/storage.ts';
import { trustDraft } from '../testing/trust-draft.ts';

/** One good token of a Kubernetes service account, and one mutation of it per row. */
const KEY = providerKey('k1', 'RS256');
const NOW = 1_800_000_000;
const SUB = 'system:serviceaccount:orders:importer';
const CLUSTER = parseTrustId('cluster')!;
const OTHER_CLUSTER = parseTrustId('other-cluster')!;

let fixture: CallerFixture;
let cluster: HostileProvider;
let otherCluster: HostileProvider;
beforeAll(async () => {
  fixture = await openCallerFixture();
});
afterAll(() => fixture.close());
beforeEach(async () => {
  [cluster, otherCluster] = [await startHostileProvider(), await startHostileProvider()];
  cluster.keys = otherCluster.keys = [KEY.jwk];
  fixture.reset([cluster.hostPort, otherCluster.hostPort]);
  fixture.clock.ms = NOW * 1000;
  await save();
});
afterEach(async () => {
  await cluster.close();
  await otherCluster.close();
});

/** Trusted for no client and no surface: nobody can exchange its tokens. */
const trusted = (changes: Partial<Trust> = {}) =>
  trustDraft({
    id: CLUSTER,
    issuer: cluster.issuer,
    algorithms: ['RS256'],
    conditions: new Map([['/kubernetes.io/namespace', ['orders']]]),
    clients: [],
    surfaces: [],
    ...changes,
  });
const conditions = (...more: (readonly [string, Condition])[]) => new Map<string, Condition>([['sub', [SUB]], ...more]);
const importer = (changes: Partial<Client> = {}) =>
  clientDraft('importer', { workload: { issuer: CLUSTER, conditions: conditions() }, ...changes });

async function save(trust: Partial<Trust> = {}, client: Partial<Client> = {}, tenant: object = {}): Promise<void> {
  const other = trusted({ id: OTHER_CLUSTER, issuer: otherCluster.issuer });
  await fixture.save([importer(client)], { trusts: [trusted(trust), other], ...tenant });
}

type Claims = Readonly<Record<string, unknown>>;
function assertion(changes: Claims = {}, header: Claims = {}, key = KEY): string {
  const claims = {
    iss: cluster.issuer,
    aud: ['tessera-acme'],
    sub: SUB,
    iat: NOW,
    nbf: NOW,
    exp: NOW + 3_000,
    'kubernetes.io': { namespace: 'orders', serviceaccount: { name: 'importer', uid: 'e6a8680e' } },
  };
  return writeSubjectToken({ key, claims: { ...claims, ...changes }, header: { typ: undefined, ...header } });
}

const present = (text = assertion(), clientId: string | undefined = 'shop/importer') =>
  fixture.authenticate({ form: assertionForm(text, clientId) });
async function expectRefused(text: string, reason: string, clientId?: string): Promise<void> {
  const error = await refusalOf(present(text, clientId));
  expect([error.code, error.reason]).toEqual(['invalid_client', `the client assertion is refused: ${reason}`]);
  expect(error.detail).toBe('The client could not be authenticated.');
  expect(fixture.events).not.toContain('authenticated');
}

describe('a token of the workload’s issuer', () => {
  it('authenticates the client without a secret, until it expires or is too old', async () => {
    const caller = await present();
    expect(caller.client).toMatchObject({ projectId: 'shop', id: 'importer' });
    expect([caller.secretId, caller.notAfter]).toEqual(['workload:cluster', NOW + 600]);
    expect(fixture.events).toEqual([
      'found shop/importer',
      'counts as acme/shop/importer by assertion',
      'authenticated',
    ]);
    expect((await present(assertion({ exp: NOW + 60.5 }))).notAfter).toBe(NOW + 60);
  });

  it('may be shown again, up to its maximum age', async () => {
    const text = assertion({ jti: 'j-1' });
    await present(text);
    fixture.clock.ms = (NOW + 599) * 1000;
    expect((await present(text, 'importer')).notAfter).toBe(NOW + 600);
    fixture.clock.ms = (NOW + 600) * 1000;
    await expectRefused(text, 'it is older than the trust allows');
  });

  it('must meet every condition of the client', async () => {
    const uid = ['/kubernetes.io/serviceaccount/uid', ['e6a8680e']] as const;
    await save({}, { workload: { issuer: CLUSTER, conditions: conditions(uid) } });
    await present();
    await expectRefused(
      assertion({ 'kubernetes.io': { namespace: 'orders', serviceaccount: { uid: 'made again' } } }),
      'it does not meet the condition of the workload on "/kubernetes.io/serviceaccount/uid"',
    );
  });

  it('needs no more than the issuer is trusted with, also where it is trusted with a typ', async () => {
    await save({ types: ['svid'] });
    await present(assertion({}, { typ: 'svid' }));
  });
});

describe('an assertion is refused', () => {
  it.each<[string, Claims, string]>([
    ['for another audience', { aud: ['https://kubernetes.default.svc'] }, 'it is for another audience'],
    ['for nobody', { aud: undefined }, 'its audience is missing or not a text'],
    [
      'for another audience too',
      { aud: ['tessera-acme', 'x'] },
      'it is for several audiences and was asked for by another',
    ],
    [
      'of another workload',
      { sub: 'system:serviceaccount:orders:exporter' },
      'it does not meet the condition of the workload on "sub"',
    ],
    ['of several workloads', { sub: [SUB] }, 'it has no subject'],
    [
      'of another namespace',
      { 'kubernetes.io': { namespace: 'staging' } },
      'it does not meet the condition on "/kubernetes.io/namespace"',
    ],
    ['that has expired', { exp: NOW }, 'it has expired'],
    ['without exp', { exp: undefined }, 'its exp is missing or not a time'],
    ['without iat', { iat: undefined }, 'its iat is missing or not a time'],
    ['that lives for long', { exp: NOW + 3_601 }, 'its life is longer than the trust allows'],
    ['from the future', { iat: NOW + 31 }, 'it was issued in the future'],
    ['not valid yet', { nbf: NOW + 31 }, 'it is not valid yet'],
    ['older than its maximum age', { iat: NOW - 600 }, 'it is older than the trust allows'],
    ['older than that and the skew', { iat: NOW - 631 }, 'it is older than the trust allows'],
    ['that came from an exchange', { act: { sub: 'x' } }, 'it came from an exchange itself'],
    ['bound to a key', { cnf: { jkt: 'x' } }, 'it is bound to a key'],
    ['that is a security event', { events: {} }, 'it is a security event'],
    ['of an issuer that nobody trusts', { iss: 'https://attacker.example' }, 'it is not of the issuer of the workload'],
  ])('%s', async (_name, changes, reason) => {
    await expectRefused(assertion(changes), reason);
  });

  it.each<[string, Claims, string]>([
    ['another algorithm', { alg: 'ES256' }, 'its issuer is not trusted with this algorithm'],
    ['alg none', { alg: 'none' }, 'its algorithm proves nothing about who signed'],
    ['a typ that the issuer is not trusted with', { typ: 'svid' }, 'its issuer is not trusted with tokens of this typ'],
    ['crit', { crit: ['exp'] }, 'its header changes its meaning'],
    ['a kid that the issuer does not have', { kid: 'k9' }, 'the issuer has no usable key of this kid and algorithm'],
  ])('with %s', async (_name, header, reason) => {
    await expectRefused(assertion({}, header), reason);
  });

  it('that another key has signed', async () => {
    await expectRefused(assertion({}, {}, providerKey('k1', 'RS256')), 'the key does not confirm its signature');
  });

  it('of another issuer that the tenant trusts: the client’s configuration chooses', async () => {
    await expectRefused(assertion({ iss: otherCluster.issuer }), 'it is not of the issuer of the workload');
    expect(otherCluster.connections()).toBe(0);
    await save({}, { workload: { issuer: OTHER_CLUSTER, conditions: conditions() } });
    await present(assertion({ iss: otherCluster.issuer }));
    await expectRefused(assertion(), 'it is not of the issuer of the workload');
  });

  it('of an issuer whose name could be that of a client, if it is the workload’s', async () => {
    const name = 'kubernetes/serviceaccount';
    await save({ issuer: name, jwksUri: cluster.jwksUri });
    expect((await present(assertion({ iss: name }))).secretId).toBe('workload:cluster');
    await expectRefused(assertion({ iss: 'kubernetes/other' }), 'it is not of the issuer of the workload');
    await save({ issuer: 'shop/importer', jwksUri: cluster.jwksUri });
    await expectRefused(assertion({ iss: 'shop/importer' }), 'the client has no keys');
    await save({ issuer: name, jwksUri: cluster.jwksUri }, { workload: undefined });
    await expectRefused(assertion({ iss: name }), 'it is of another client');
  });

  it('of an issuer that the tenant trusts no more', async () => {
    await save({ id: parseTrustId('renamed')! });
    await expectRefused(assertion(), 'the issuer of the workload is no more');
  });

  it('that is one of our own tokens, also if the issuer were trusted', async () => {
    await fixture.issuing.addTenant('acme');
    const tenant = await fixture.issuing.tenants.open(tenantId('acme'));
    const claims = claimsFor(tenant, NOW, { sub: SUB });
    const { token } = await fixture.issuing.issuer.issue(tenant, { claims });
    await save({ issuer: claims.iss, algorithms: ['ES256'], audiences: ['shop-api'], conditions: 'none' });
    await expectRefused(token, 'it is one of ours');
  });

  it('for a client that is no workload', async () => {
    await save({}, { workload: undefined });
    await expectRefused(assertion(), 'the client is no workload');
    expect(cluster.connections()).toBe(0);
  });

  it('for a workload that no condition tells from others of its issuer', async () => {
    const namespace: [string, Condition] = ['/kubernetes.io/namespace', ['orders']];
    const word: [string, Condition] = ['sub', { contains: SUB }];
    for (const open of [[], [namespace], [namespace, word]]) {
      await save({}, { workload: { issuer: CLUSTER, conditions: new Map(open) } });
      await expectRefused(assertion(), 'the workload has no condition that lists its sub');
    }
  });

  it.each<[string, Partial<Client>, object, string]>([
    ['for a disabled client', { status: 'disabled' }, {}, 'the client is disabled'],
    ['in a suspended tenant', {}, { status: 'suspended' }, 'the tenant is suspended'],
  ])('%s', async (_name, client, tenant, reason) => {
    await save({}, client, tenant);
    const error = await refusalOf(present());
    expect([error.code, error.reason]).toEqual(['invalid_client', reason]);
  });

  it('for a client of another tenant of the same name', async () => {
    await fixture.save([importer({ workload: undefined })], { trusts: [trusted()] }, 'globex');
    const error = await refusalOf(
      fixture.authenticate({ form: assertionForm(assertion(), 'shop/importer'), tenant: 'globex' }),
    );
    expect(error.reason).toBe('the client assertion is refused: the client is no workload');
  });
});

describe('other platforms', () => {
  const job = { iss: 'https://token.actions.githubusercontent.com', aud: 'https://tokens.example.com/acme' };
  const DEPLOYMENT = 'repo:acme/orders:environment:production';

  it('a job of GitHub Actions authenticates, and one of another repository or event does not', async () => {
    const only = new Map<string, Condition>([
      ['repository_id', ['1296269']],
      ['event_name', ['push']],
    ]);
    const trust = { issuer: job.iss, jwksUri: cluster.jwksUri, audiences: [job.aud], conditions: only };
    await save(trust, { workload: { issuer: CLUSTER, conditions: new Map([['sub', [DEPLOYMENT]]]) } });
    const claims = { ...job, sub: DEPLOYMENT, repository_id: '1296269', event_name: 'push', nbf: NOW - 300 };
    const times = { jti: '6f4762ed', exp: NOW + 300, 'kubernetes.io': undefined };
    const token = (changes: Claims = {}) => assertion({ ...claims, ...times, ...changes }, { typ: 'JWT' });
    expect((await present(token())).notAfter).toBe(NOW + 300);
    await expectRefused(token({ repository_id: '1' }), 'it does not meet the condition on "repository_id"');
    await expectRefused(token({ event_name: 'pull_request' }), 'it does not meet the condition on "event_name"');
    const other = 'it does not meet the condition of the workload on "sub"';
    await expectRefused(token({ sub: 'repo:acme/orders:environment:staging' }), other);
  });

  it('a JWT-SVID of SPIFFE authenticates by a bundle, and one of another workload does not', async () => {
    const key = providerKey('s1');
    cluster.keys = [{ ...key.jwk, use: 'jwt-svid' }];
    const [iss, sub] = ['https://spire.acme.example', 'spiffe://acme.example/ns/orders/sa/importer'];
    const trust: Partial<Trust> = { issuer: iss, jwksUri: cluster.jwksUri, algorithms: ['ES256'], conditions: 'none' };
    const workload = { issuer: CLUSTER, conditions: new Map([['sub', [sub]]]) };
    await save({ ...trust, keyUse: 'jwt-svid' }, { workload });
    const svid = (changes: Claims = {}) =>
      assertion({ iss, sub, nbf: undefined, exp: NOW + 300, ...changes }, { typ: 'JWT' }, key);
    expect((await present(svid())).secretId).toBe('workload:cluster');
    await expectRefused(svid({ sub: `${sub}/debug` }), 'it does not meet the condition of the workload on "sub"');
    await save(trust, { workload });
    await expectRefused(svid(), 'the issuer has no usable key of this kid and algorithm');
  });
});

it('an issuer that is down is an outage, and no wrong credential', async () => {
  await cluster.stop();
  const error = await refusalOf(present());
  expect(error.code).toBe('temporarily_unavailable');
});

it('invented kids do not use up the searches for keys of the exchange', async () => {
  await present();
  await expectRefused(assertion({}, { kid: 'k9' }), 'the issuer has no usable key of this kid and algorithm');
  expect((await refusalOf(present(assertion({}, { kid: 'k8' })))).code).toBe('temporarily_unavailable');
  cluster.keys = [KEY.jwk, providerKey('k7', 'RS256').jwk];
  const token = { algorithm: 'RS256', kid: 'k7', signingInput: 'of the exchange' } as const;
  const found = await fixture.keySets().find(trusted(), { account: 'acme/cluster', token });
  expect(found.key.kid).toBe('k7');
});
