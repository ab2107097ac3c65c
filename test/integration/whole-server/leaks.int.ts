import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { TestCluster, type Replica, TENANTS } from '../../support/tessera/test-cluster.ts';
import { Canaries } from '../../support/fixtures/canaries.ts';

/**
 * Everything that must stay secret is a canary. Every dependency is broken in every way that makes libraries print details, at debug level and with
 * traces on. Then all output of the service is searched.
 */
let cluster: TestCluster;
let replica: Replica;
let collector: Server;
let spans = '';

beforeAll(async () => {
  cluster = await TestCluster.onDevVault();
  const { canaries, vault } = cluster;
  const token = canaries.plant('the Vault token');
  await vault.createToken({ id: token });
  cluster.logInBy({ VAULT_TOKEN: token });
  for (const tenant of TENANTS) {
    const ring = (await vault.api('GET', `kv/data/keys/${tenant}`)).body.data.data as {
      keys: { private_jwk: { d: string } }[];
    };
    for (const key of ring.keys) canaries.add(`a private key of ${tenant}`, key.private_jwk.d);
    const entry = (await vault.api('GET', `kv/data/secret/${tenant}/shop/web`)).body.data.data as {
      secrets: { sha256: string }[];
    };
    for (const { sha256 } of entry.secrets) canaries.add(`a digest of a secret of ${tenant}`, sha256);
  }
  collector = createServer((request, response) => {
    request.setEncoding('utf8').on('data', (text: string) => (spans += text));
    request.on('end', () => response.setHeader('content-type', 'application/json').end('{}'));
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  replica = await cluster.startReplica({
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=${canaries.plant('what the collector wants to see')}`,
  });
});
afterAll(async () => {
  await cluster.close();
  collector.closeAllConnections();
  collector.close();
});

/** Requests of every kind, with canaries in every place that a caller controls. */
async function exercise(): Promise<void> {
  const { canaries } = cluster;
  const canary = (what: string) => canaries.once(what, (text) => text);
  const wrong = canary('a wrong secret');
  for (const surface of ['user', 'admin'] as const) {
    for (const tenant of TENANTS) await replica.mint(tenant, { surface });
    await replica.mint('acme', { surface, secret: wrong, client: 'other' });
    await replica.mint('acme', { surface, email: `${canary('an unknown address')}@acme.example` });
    await replica.mint('acme', { surface, email: canary('a malformed address') });
  }
  const bearer = { authorization: `Bearer ${canary('a bearer')}.${canary('claims')}.${canary('a signature')}` };
  const inQuery = `?secret_id=${wrong}&access_token=${canary('a token in the query')}`;
  for (const path of [
    ...['/auth/user/profile', '/auth/admin/profile', '/auth/user/generateToken', '/nowhere', '/metrics', '/readyz'],
    ...['/tenants/acme/jwks.json', '/tenants/globex/.well-known/openid-configuration', '/docs-json'],
    `/tenants/${canary('the id of no tenant')}/jwks.json`,
  ]) {
    const { text, headers } = await replica.get(path + inQuery, { ...bearer, cookie: `session=${canary('a cookie')}` });
    canaries.search(`the answer at ${path}`, text + JSON.stringify([...headers]));
  }
  for (const [type, body] of [
    ['application/json', `{"secret_id": "${wrong}", "secret_id": "${wrong}"}`],
    ['application/json', `{"${canary('a member')}": "${canary('a value')}"`],
    ['application/json', JSON.stringify({ tenant_id: canary('an id'), [canary('an unknown member')]: wrong })],
    ['application/x-www-form-urlencoded', `secret_id=${wrong}`],
  ] as const) {
    const answer = await fetch(`${replica.url}/auth/user/generateToken`, {
      method: 'POST',
      headers: { 'content-type': type, ...bearer },
      body,
    });
    canaries.search('an answer to a broken body', await answer.text());
  }
}

async function commands(): Promise<void> {
  await Promise.all([
    cluster.startCli(['export']).result,
    cluster.startCli(['keys', 'list', 'acme']).result,
    cluster.startCli(['secrets', 'add', 'globex/shop/other']).result,
    cluster.startCli(['apply', '-f', '-', '--dry-run'], cluster.tenantsFile({ clients: ['more'] })).result,
  ]);
}

interface Fault {
  readonly name: string;
  readonly begin: () => unknown;
  readonly end: () => unknown;
}

/** Replaces an entry in Vault, and returns how to restore it. */
function entry(name: string, path: string, make: (canary: string) => unknown): Fault {
  let before: unknown;
  return {
    name,
    begin: async () => {
      before = (await cluster.vault.api('GET', `kv/data/${path}`)).body.data.data;
      await cluster.vault.api('POST', `kv/data/${path}`, { data: make(cluster.canaries.plant(name)) });
    },
    end: () => cluster.vault.api('POST', `kv/data/${path}`, { data: before }),
  };
}

const control = (...statements: string[]) => cluster.control.sql(...statements);
const acme = (...statements: string[]) => cluster.acmeServer.sql(...statements);

const faults: Fault[] = [
  { name: 'nothing', begin: () => undefined, end: () => undefined },
  {
    name: 'a control database that is stopped',
    begin: () => cluster.control.stop(),
    end: () => cluster.control.restart(),
  },
  {
    name: 'a control database that refuses the password',
    begin: async () => {
      await control(`ALTER USER 'tessera'@'%' IDENTIFIED BY 'another'`);
      cluster.proxies.control.cut();
    },
    end: () => control(`ALTER USER 'tessera'@'%' IDENTIFIED BY '${cluster.controlPassword}'`),
  },
  {
    name: 'a row of the control database that is malformed',
    begin: () =>
      control(
        `UPDATE control.administrators SET scopes = '["${cluster.canaries.plant('what stands in a malformed row')}'`,
      ),
    end: () => control(`UPDATE control.administrators SET scopes = '["tenant:manage"]'`),
  },
  {
    name: 'an audit that lacks a column',
    begin: () => control('ALTER TABLE control.audit_records CHANGE source source_elsewhere varchar(64)'),
    end: () => control('ALTER TABLE control.audit_records CHANGE source_elsewhere source varchar(64)'),
  },
  {
    name: 'a tenant’s database that is killed',
    begin: () => cluster.acmeServer.stop('SIGKILL'),
    end: () => cluster.acmeServer.restart(),
  },
  {
    name: 'a tenant’s database that lacks a column',
    begin: () => acme('ALTER TABLE t_acme.tessera_users CHANGE email_canonical hidden varchar(255)'),
    end: () => acme('ALTER TABLE t_acme.tessera_users CHANGE hidden email_canonical varchar(255)'),
  },
  entry('a password of a tenant’s database that is wrong', 'database/acme', (canary) => ({
    username: 'acme',
    password: canary,
  })),
  entry('credentials of a tenant’s database that are malformed', 'database/acme', (canary) => ({
    username: [canary],
    password: { canary },
  })),
  entry('a client’s entry that is malformed', 'secret/acme/shop/web', (canary) => ({
    secret_id: [canary],
    secrets: canary,
  })),
  entry('a generated secret that is malformed', 'secret/acme/shop/web', (canary) => ({
    secrets: [{ id: canary, sha256: canary }],
  })),
  entry('a key ring that is malformed', 'keys/acme', (canary) => ({
    keys: [{ kid: canary, private_jwk: { d: canary } }],
  })),
  entry('a key ring with a private key that is none', 'keys/acme', (canary) => ({
    keys: [
      {
        kid: 'none',
        alg: 'ES256',
        state: 'active',
        published_at: 1,
        activated_at: 1,
        public_jwk: { kty: 'EC', crv: 'P-256', x: canary, y: canary },
        private_jwk: { kty: 'EC', crv: 'P-256', x: canary, y: canary, d: canary },
      },
    ],
  })),
  {
    name: 'a Vault that refuses the token',
    begin: () =>
      cluster.vault.api('PUT', 'sys/policies/acl/tessera', { policy: 'path "none" { capabilities = ["read"] }' }),
    end: () =>
      cluster.vault.api('PUT', 'sys/policies/acl/tessera', {
        policy: 'path "kv/*" { capabilities = ["create", "read", "update", "list", "delete"] }',
      }),
  },
  {
    name: 'a Vault whose answers are lost',
    begin: () => {
      cluster.proxies.vault.setMode('lose-answers');
    },
    end: () => {
      cluster.proxies.vault.setMode('pass');
    },
  },
  {
    name: 'a Redis that is killed',
    begin: () => cluster.redis.stop('SIGKILL'),
    end: () => cluster.redis.restart(),
  },
];

it.each(faults)('nothing leaks with $name', async ({ name, begin, end }) => {
  await begin();
  try {
    // Twice, a second apart, which is the caches' maximum age: once with cached data and once without.
    await exercise();
    await commands();
    await exercise();
  } finally {
    await end();
  }
  const healthy = async () =>
    (await Promise.all(TENANTS.map((tenant) => replica.mint(tenant)))).every(({ status }) => status === 200);
  await eventually('all is well again', healthy, 6000);
  expect(`${name}: ${cluster.leaks().join('; ')}`).toBe(`${name}: `);
});

it('nothing leaks from commands and servers that cannot log in', async () => {
  const wrong = cluster.canaries.plant('a wrong password');
  for (const environment of [
    { DATABASE_URL: `mysql://tessera:${wrong}@127.0.0.1:${cluster.control.port}/control` },
    // A user name is not a secret: messages name it.
    { DATABASE_URL: `mysql://nobody:${wrong}@127.0.0.1:${cluster.control.port}/control` },
    { VAULT_TOKEN: wrong },
    { REDIS_URL: `redis://:${wrong}@127.0.0.1:${cluster.redis.port}` },
  ]) {
    await Promise.all([
      cluster.startCli(['keys', 'rotate', 'acme'], '', environment).result,
      cluster.startCli(['config', 'check'], '', environment).result,
    ]);
    const other = await cluster.startReplica(environment);
    await other.mint('acme');
    await other.mint('acme', { surface: 'admin', secret: 'wrong' });
    expect(await other.end()).toBe(0);
  }
  expect(cluster.leaks()).toEqual([]);
});

it('nothing is in the traces, the metrics and the audit, which are not empty', async () => {
  cluster.canaries.search('the metrics', (await replica.get('/metrics')).text);
  const rows = await cluster.control.sql('SELECT * FROM control.audit_records');
  cluster.canaries.search('the audit', JSON.stringify(rows));
  expect(await replica.end()).toBe(0);
  cluster.canaries.search('the traces', spans);
  expect(spans).toContain('POST /auth/user/generateToken');
  expect(rows.length).toBeGreaterThan(50);
  expect(cluster.leaks()).toEqual([]);
});

it('a leaked canary is found, in any spelling', () => {
  const canaries = new Canaries();
  const canary = canaries.plant('a canary');
  canaries.search('plain text', `x${canary}y`);
  canaries.search('base64', Buffer.from(canary).toString('base64'));
  canaries.search('an allowed place', canary, { allow: /^a canary$/ });
  expect(canaries.found).toEqual(['a canary in base64', 'a canary in plain text']);
});
