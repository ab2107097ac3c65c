import { decodeJwt } from 'jose';
import { type ExchangeReplicas, PUBLIC_URL, startExchangeReplicas } from '../../support/tessera/exchange-replicas.ts';
import type { ServerProcess } from '../../support/tessera/server-process.ts';
import { type Answer, readAnswer } from '../../support/requests/answer.ts';
import { assertionForm } from '../../../src/testing/caller-fixture.ts';
import { providerKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';
import { type KubernetesCluster, startKubernetesCluster } from '../../support/servers/kubernetes-cluster.ts';
import { type RunningMariaDb, startMariaDb } from '../../support/servers/mariadb.ts';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { startStopwatch } from '../../../libs/token/test/stopwatch.ts';

/** Two server processes on one MariaDB: an assertion of a key is redeemed once over both, and one of a workload is shown at both. */
const KEY = providerKey('k1');
const ISSUER = `${PUBLIC_URL}/tenants/acme`;
const IMPORTER = { namespace: 'orders', name: 'importer' };

let database: RunningMariaDb;
let cluster: KubernetesCluster;
let replicas: ExchangeReplicas;
beforeAll(async () => {
  cluster = await startKubernetesCluster('tessera-acme');
  database = await startMariaDb();
  await database.sql('CREATE DATABASE control');
  replicas = await startExchangeReplicas(2, tenantsFile(), {
    DATABASE_URL: database.url('control'),
    TESSERA_FEDERATION_ALLOWED_HOSTS: cluster.hostPort,
    TESSERA_FAILURES_PER_MINUTE: '1000',
  });
});
afterAll(async () => {
  await replicas.close();
  await database.close();
  await cluster.close();
});

/** As JSON, which is YAML. */
function tenantsFile(): string {
  const open = { surfaces: ['user'], scopes: 'unbounded', subjects: 'any', service: { roles: [] } };
  const issuers = [
    {
      id: 'cluster',
      issuer: cluster.issuer,
      audiences: ['tessera-acme'],
      algorithms: ['RS256'],
      conditions: { '/kubernetes.io/namespace': 'orders' },
      subject: { match: 'linked' },
      clients: ['web'],
      surfaces: ['user'],
      max_age: '1h',
      max_lifetime: '1h',
    },
  ];
  const workload = {
    issuer: 'cluster',
    conditions: { sub: 'system:serviceaccount:orders:importer', '/kubernetes.io/serviceaccount/uid': 'uid-1' },
  };
  const clients = [
    { ...open, id: 'web', keys: [KEY.jwk] },
    { ...open, id: 'importer', workload },
  ];
  const acme = { id: 'acme', database: { driver: 'sqlite' }, issuers, projects: [{ id: 'shop', clients }] };
  return JSON.stringify({ apiVersion: 'tessera/v1', tenants: [acme] });
}

/** @param name of the client, in one of its two forms */
function assertion(jti: string, name = 'shop/web'): Record<string, string> {
  const claims = { iss: name, sub: name, aud: ISSUER, exp: Math.floor(Date.now() / 1000) + 120, jti };
  return assertionForm(writeSubjectToken({ key: KEY, claims }));
}
const importer = (changes: object = {}, account: object = {}) =>
  assertionForm(cluster.token({ ...IMPORTER, uid: 'uid-1', ...account }, changes), 'shop/importer');

const REQUESTS = {
  introspect: { token: 'a.b.c' },
  revoke: { token: 'a.b.c' },
  token: { grant_type: 'client_credentials' },
};
const ENDPOINTS = ['introspect', 'revoke', 'token'] as const;
const ask = async (
  { url }: ServerProcess,
  endpoint: (typeof ENDPOINTS)[number],
  form: Readonly<Record<string, string>>,
): Promise<Answer> =>
  readAnswer(
    await fetch(`${url}/tenants/acme/${endpoint}`, {
      method: 'POST',
      body: new URLSearchParams({ ...REQUESTS[endpoint], ...form }),
    }),
  );

async function reasonOf({ requestId }: Answer): Promise<unknown> {
  const [row] = await database.sql(`SELECT reason FROM control.audit_records WHERE request_id = '${requestId}'`);
  return row?.['reason'];
}

it('one after the other: the second replica refuses what the first took, under the other name, too', async () => {
  const [first, second] = replicas.servers;
  expect((await ask(first!, 'introspect', assertion('after', 'shop/web'))).status).toBe(200);
  const refused = await ask(second!, 'token', assertion('after', 'web'));
  expect([refused.status, refused.body['error']]).toEqual([401, 'invalid_client']);
  expect(await reasonOf(refused)).toBe('the client assertion is refused: it was used before');
});

it('twelve at once on both replicas and three endpoints: one success, twenty times over', async () => {
  for (let round = 0; round < 20; round++) {
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        ask(
          replicas.servers[index % 2]!,
          ENDPOINTS[index % 3]!,
          assertion(`round-${round}`, index < 6 ? 'web' : 'shop/web'),
        ),
      ),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array.from({ length: 11 }, () => 401)]);
  }
});

it('an outage of the control database is a 503, and the assertion is not used up by it', async () => {
  const [server, other] = replicas.servers;
  await ask(server!, 'introspect', assertion('warm'));
  await database.stop('SIGKILL');
  const stopwatch = startStopwatch();
  const answer = await ask(server!, 'introspect', assertion('outage'));
  expect(stopwatch.stop()).toBeLessThan(3_000);
  expect(answer.refusal()).toMatchObject({ status: 503 });
  expect(answer.headers.get('retry-after')).not.toBeNull();
  // A workload's assertion is not redeemed, so introspection by it needs no control database.
  expect((await ask(server!, 'introspect', importer())).status).toBe(200);
  await database.restart();
  const isAccepted = async () => (await ask(server!, 'introspect', assertion('outage'))).status === 200;
  await eventually('it is accepted', isAccepted, 5_000);
  expect((await ask(other!, 'introspect', assertion('outage'))).status).toBe(401);
});

describe('a pod of a Kubernetes cluster', () => {
  it('gets tokens and uses all endpoints with the token of its service account, at every replica, again and again', async () => {
    const form = importer();
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) => ask(replicas.servers[index % 2]!, ENDPOINTS[index % 3]!, form)),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 200));
    const issued = decodeJwt(answers[2]!.body['access_token'] as string);
    expect(issued).toMatchObject({ sub: 'client:shop/importer', surface: 'service' });
  });

  it('gets no token that outlives that of its service account', async () => {
    const end = Math.floor(Date.now() / 1000) + 30;
    const answer = await ask(replicas.servers[0]!, 'token', importer({ exp: end }));
    expect(decodeJwt(answer.body['access_token'] as string).exp).toBe(end);
    expect(answer.body['expires_in']).toBeLessThanOrEqual(30);
  });

  it('goes on after the cluster has replaced its key', async () => {
    cluster.rotateKeys();
    for (const server of replicas.servers) expect((await ask(server, 'introspect', importer())).status).toBe(200);
  });

  it.each<[string, () => Record<string, string>, string]>([
    [
      'of another namespace',
      () => importer({}, { namespace: 'staging' }),
      'it does not meet the condition on "/kubernetes.io/namespace"',
    ],
    [
      'of another service account',
      () => importer({}, { name: 'default' }),
      'it does not meet the condition of the workload on "sub"',
    ],
    [
      'of a service account that was made again',
      () => importer({}, { uid: 'uid-2' }),
      'it does not meet the condition of the workload on "/kubernetes.io/serviceaccount/uid"',
    ],
    [
      'with the token that it has for the cluster itself',
      () => importer({ aud: ['https://kubernetes.default.svc.cluster.local'] }),
      'it is for another audience',
    ],
    ['as another client', () => ({ ...importer(), client_id: 'shop/web' }), 'the client is no workload'],
  ])('is refused %s', async (_name, form, reason) => {
    const refused = await ask(replicas.servers[0]!, 'token', form());
    expect([refused.status, refused.body['error']]).toEqual([401, 'invalid_client']);
    expect(await reasonOf(refused)).toBe(`the client assertion is refused: ${reason}`);
  });
});
