import { EmbeddedVault } from '../../../src/vault/embedded/embedded-vault.ts';
import { parseVaultPath } from '../../../src/vault/vault-path.ts';
import type { Answer } from '../../support/requests/answer.ts';
import { basic } from '../../support/requests/basic-credentials.ts';
import { issuedToken } from '../../support/requests/attack-material.ts';
import { claimsOf, oauthRefusal, tokenOf } from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer, type TestTesseraServerOptions } from '../../support/tessera/tessera.ts';
import { assertionForm } from '../../../src/testing/caller-fixture.ts';
import { type HostileProvider, startHostileProvider } from '../../../src/testing/hostile-provider.ts';
import { providerKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';

/**
 * Clients without a secret: they sign an assertion themselves (RFC 7523), or present a token of their platform. And one with a secret that an operator
 * has chosen.
 */
const KEY = providerKey('k1');
const FETCHED = providerKey('f1', 'EdDSA');
const PLATFORM = providerKey('p1', 'RS256');
/** Of a client of globex; its kid is acme's, too. */
const GLOBEX = providerKey('k1');
const SUB = 'system:serviceaccount:orders:importer';

let host: HostileProvider;
let cluster: HostileProvider;
let elsewhere: HostileProvider;
let tessera: TestTesseraServer;
beforeAll(async () => {
  [host, cluster, elsewhere] = (await Promise.all([1, 2, 3].map(() => startHostileProvider()))) as [
    HostileProvider,
    HostileProvider,
    HostileProvider,
  ];
  host.keys = [FETCHED.jwk];
  cluster.keys = elsewhere.keys = [PLATFORM.jwk];
  tessera = await start();
});
afterAll(async () => {
  await tessera.close();
  await Promise.all([host, cluster, elsewhere].map((one) => one.close()));
});

const start = (options: Pick<TestTesseraServerOptions, 'failuresPerMinute'> = {}) =>
  startTessera({
    tenantsFile: tenantsFile(),
    env: { TESSERA_FEDERATION_ALLOWED_HOSTS: [host, cluster, elsewhere].map(({ hostPort }) => hostPort).join(',') },
    ...options,
  });

/** As JSON, which is YAML. */
function tenantsFile(): string {
  const open = { surfaces: ['user'], scopes: 'unbounded', subjects: 'any', service: { roles: [] } };
  const issuer = (id: string, { issuer }: HostileProvider) => ({
    id,
    issuer,
    audiences: ['tessera-acme'],
    algorithms: ['RS256'],
    conditions: { '/kubernetes.io/namespace': 'orders' },
    subject: { match: 'linked' },
    clients: ['web'],
    surfaces: ['user'],
    max_lifetime: '1h',
  });
  const workload = (id: string) => ({ issuer: id, conditions: { sub: SUB } });
  const people = { users: [{ id: 'u-ada', email: 'ada@acme.example' }], admins: [] };
  const acme = {
    id: 'acme',
    database: { driver: 'sqlite' },
    issuers: [issuer('cluster', cluster), issuer('elsewhere', elsewhere)],
    projects: [
      {
        id: 'shop',
        clients: [
          { ...open, id: 'web', policy: 'confidential', keys: [KEY.jwk] },
          { ...open, id: 'fetched', jwks_uri: host.jwksUri },
          { ...open, id: 'importer', workload: workload('cluster') },
          { ...open, id: 'exporter', workload: workload('elsewhere') },
          { ...open, id: 'twin', keys: [KEY.jwk] },
          { ...open, id: 'gone', keys: [KEY.jwk], status: 'disabled' },
          { ...open, id: 'placed' },
        ],
      },
      { id: 'billing', clients: [{ ...open, id: 'twin', keys: [KEY.jwk] }] },
      { id: 'closed', status: 'disabled', clients: [{ ...open, id: 'late', keys: [KEY.jwk] }] },
    ],
    ...people,
  };
  const globex = {
    id: 'globex',
    database: { driver: 'sqlite' },
    projects: [
      {
        id: 'shop',
        clients: [
          { ...open, id: 'web', keys: [KEY.jwk] },
          { ...open, id: 'twin', keys: [GLOBEX.jwk] },
        ],
      },
    ],
  };
  return JSON.stringify({ apiVersion: 'tessera/v1', tenants: [acme, globex] });
}

const now = () => Math.floor(tessera.clock.nowMs() / 1000);
const issuerOf = (tenant: string) => `${tessera.url}/tenants/${tenant}`;

type Claims = Readonly<Record<string, unknown>>;
let made = 0;
function signed(client: string, changes: Claims = {}, key = KEY): string {
  const claims = { iss: client, sub: client, aud: issuerOf('acme'), iat: now(), exp: now() + 60, jti: `j-${++made}` };
  return writeSubjectToken({ key, claims: { ...claims, ...changes } });
}
function platformToken(changes: Claims = {}, key = PLATFORM): string {
  const claims = {
    iss: cluster.issuer,
    sub: SUB,
    aud: ['tessera-acme'],
    iat: now(),
    exp: now() + 600,
    'kubernetes.io': { namespace: 'orders', serviceaccount: { name: 'importer' } },
  };
  return writeSubjectToken({ key, claims: { ...claims, ...changes }, header: { typ: undefined } });
}

type Form = Readonly<Record<string, string>>;
const ENDPOINTS = ['introspect', 'revoke', 'token'] as const;
type Endpoint = (typeof ENDPOINTS)[number];
const FORMS: Readonly<Record<Endpoint, Form>> = {
  introspect: { token: 'a.b.c' },
  revoke: { token: 'a.b.c' },
  token: { grant_type: 'client_credentials' },
};
const ask = (endpoint: Endpoint, form: Form, headers: Record<string, string> = {}, tenant = 'acme') =>
  tessera.postForm(`/tenants/${tenant}/${endpoint}`, { ...FORMS[endpoint], ...form }, headers);

/** The code and the text of an error, in the form of its endpoint. */
function errorOf(endpoint: Endpoint, answer: Answer): readonly [code: string, text: unknown] {
  if (endpoint === 'token') return [oauthRefusal(answer), answer.body['error_description']];
  const { status, error } = answer.refusal();
  return [`${status} ${String(error)}`, answer.body['detail']];
}
function expectInvalidClient(endpoint: Endpoint, answer: Answer, reason: string): void {
  expect(errorOf(endpoint, answer)).toEqual(['401 invalid_client', 'The client could not be authenticated.']);
  // RFC 6749, section 5.2: the token endpoint names a scheme where the client has used one.
  expect(answer.headers.get('www-authenticate') ?? '').toMatch(endpoint === 'token' ? /^$/ : /^Basic realm=/);
  expect(tessera.auditRow(answer.requestId)).toMatchObject({ outcome: 'invalid_client', reason, secret_id: null });
}
const refusedBecause = (reason: string) => `the client assertion is refused: ${reason}`;

describe.each(ENDPOINTS)('%s', (endpoint) => {
  it.each([
    ['by its own key', () => assertionForm(signed('shop/web')), 'web', 'key:k1'],
    ['by its own key and short name', () => assertionForm(signed('web')), 'web', 'key:k1'],
    ['by its own key, named in both forms', () => assertionForm(signed('web'), 'shop/web'), 'web', 'key:k1'],
    ['by a key at its jwks_uri', () => assertionForm(signed('fetched', {}, FETCHED)), 'fetched', 'key:f1'],
    ['as a workload', () => assertionForm(platformToken(), 'shop/importer'), 'importer', 'workload:cluster'],
  ])('accepts a client %s', async (_name, form, client, credential) => {
    if (endpoint === 'token') {
      const answer = await ask(endpoint, form());
      expect(claimsOf(answer)).toMatchObject({ sub: `client:shop/${client}`, client_id: client, surface: 'service' });
      expect(tessera.auditRow(answer.requestId)).toMatchObject({ client_id: client, secret_id: credential });
      return;
    }
    const token = await issuedToken(tessera, 'user');
    const answer = await ask(endpoint, { ...form(), token });
    if (endpoint === 'introspect') {
      expect(answer.body['active']).toBe(true);
      return;
    }
    // Only the client that a token was issued to can revoke it.
    expect(answer.status).toBe(client === 'web' ? 200 : 400);
    expect(tessera.auditRow(answer.requestId)).toMatchObject({
      tenant_id: 'acme',
      project_id: 'shop',
      client_id: client,
      secret_id: credential,
      outcome: client === 'web' ? 'revoked' : 'unauthorized_client',
    });
  });

  it('still accepts the secret of a client that has keys, too', async () => {
    expect((await ask(endpoint, {}, basic('shop/web', tessera.secret('acme/shop/web')))).status).toBe(200);
  });

  it.each<[string, () => string, string | undefined, string]>([
    [
      'for this endpoint’s URL (CVE-2025-27370)',
      () => signed('web', { aud: `${issuerOf('acme')}/${endpoint}` }),
      undefined,
      'its aud is not the issuer of this tenant, as one text',
    ],
    [
      'for a list of the issuer',
      () => signed('web', { aud: [issuerOf('acme')] }),
      undefined,
      'its aud is not the issuer of this tenant, as one text',
    ],
    [
      'for another tenant',
      () => signed('web', { aud: issuerOf('globex') }),
      undefined,
      'its aud is not the issuer of this tenant, as one text',
    ],
    ['beside the name of another client', () => signed('web'), 'shop/twin', 'it is of another client'],
    ['by a key of another client', () => signed('web', {}, FETCHED), undefined, 'the client has no such key'],
    ['without exp', () => signed('web', { exp: undefined }), undefined, 'its exp is missing or not a time'],
    [
      'as a workload of another issuer',
      () => platformToken(),
      'shop/exporter',
      'it is not of the issuer of the workload',
    ],
    ['as a client that is no workload', () => platformToken(), 'shop/web', 'the client is no workload'],
    [
      'as another workload',
      () => platformToken({ sub: 'system:serviceaccount:orders:default' }),
      'shop/importer',
      'it does not meet the condition of the workload on "sub"',
    ],
    [
      'as a workload of another namespace',
      () => platformToken({ 'kubernetes.io': { namespace: 'staging' } }),
      'shop/importer',
      'it does not meet the condition on "/kubernetes.io/namespace"',
    ],
    [
      'with a token of this service',
      () => writeSubjectToken({ key: PLATFORM, claims: { iss: issuerOf('acme'), sub: SUB } }),
      'shop/importer',
      'it is one of ours',
    ],
  ])('refuses an assertion %s', async (_name, assertion, clientId, reason) => {
    const answer = await ask(endpoint, assertionForm(assertion(), clientId));
    expectInvalidClient(endpoint, answer, refusedBecause(reason));
  });

  it.each<[string, () => string, string]>([
    ['is disabled', () => signed('gone'), 'the client is disabled'],
    ['is of a disabled project', () => signed('closed/late'), 'the project is disabled'],
    ['is unknown', () => signed('nobody'), 'unknown project or client'],
    ['shares its name', () => signed('twin'), 'several projects have a client of that id: name the project'],
    ['is not named', () => platformToken(), 'client: an assertion of another issuer without a client_id'],
  ])('refuses the assertion of a client that %s', async (_name, assertion, reason) => {
    expectInvalidClient(endpoint, await ask(endpoint, assertionForm(assertion())), reason);
  });

  it('refuses a client of another tenant that has the same name and key', async () => {
    const answer = await ask(endpoint, assertionForm(signed('shop/web')), {}, 'globex');
    expectInvalidClient(endpoint, answer, refusedBecause('its aud is not the issuer of this tenant, as one text'));
    const right = signed('shop/web', { aud: issuerOf('globex') });
    expect((await ask(endpoint, assertionForm(right), {}, 'globex')).status).toBe(200);
  });

  it('refuses the key of a client of another tenant that has the same name', async () => {
    const theirs = signed('shop/twin', { aud: issuerOf('globex') }, GLOBEX);
    expect((await ask(endpoint, assertionForm(theirs), {}, 'globex')).status).toBe(200);
    const answer = await ask(endpoint, assertionForm(signed('shop/twin', {}, GLOBEX)));
    expectInvalidClient(endpoint, answer, refusedBecause('the key does not confirm its signature'));
  });

  it.each<[string, () => [Form, Record<string, string>]]>([
    ['in the header too', () => [assertionForm(signed('web')), basic('shop/web', tessera.secret('acme/shop/web'))]],
    ['by a secret too', () => [{ ...assertionForm(signed('web')), client_secret: 'x' }, {}]],
    ['by an assertion without a type', () => [{ client_assertion: signed('web') }, {}]],
    ['by an assertion of another type', () => [{ ...assertionForm(signed('web')), client_assertion_type: 'x' }, {}]],
    ['by a type alone', () => [{ client_assertion_type: assertionForm('')['client_assertion_type']! }, {}]],
  ])('refuses 400 a client that authenticates %s', async (_name, make) => {
    expect(errorOf(endpoint, await ask(endpoint, ...make()))[0]).toBe('400 invalid_request');
  });
});

describe('one assertion', () => {
  it('of a key is used once over all endpoints, whatever form of its name the client writes', async () => {
    for (const first of ENDPOINTS)
      for (const second of ENDPOINTS) {
        const jti = `once-${first}-${second}`;
        const answer = await ask(first, assertionForm(signed('web', { jti }), 'shop/web'));
        expect(answer.body['error'] === 'invalid_client').toBe(false);
        const replayed = await ask(second, assertionForm(signed('shop/web', { jti }), 'web'));
        expectInvalidClient(second, replayed, refusedBecause('it was used before'));
      }
  });

  it('of a workload may be shown again, at every endpoint', async () => {
    const form = assertionForm(platformToken({ jti: 'again' }), 'shop/importer');
    for (const endpoint of ENDPOINTS) expect((await ask(endpoint, form)).status).toBe(200);
  });
});

describe('an operator-provided secret with every special character', () => {
  beforeAll(async () => {
    const vault = new EmbeddedVault(tessera.config.dataDirectory);
    const path = parseVaultPath('secret/acme/shop/placed')!;
    await vault.write(path, { secret_id: 'a:b c%/+é' }, (await vault.read(path))!.version);
    await vault.close();
  });
  const header = (secret: string) => ({
    authorization: `Basic ${Buffer.from(`shop%2Fplaced:${secret}`).toString('base64')}`,
  });

  // RFC 6749, section 2.3.1 and appendix B.
  it.each(['a%3Ab+c%25%2F%2B%C3%A9', 'a%3Ab%20c%25%2F%2B%C3%A9', 'a:b+c%25/%2Bé'])(
    'authenticates by its header form-encoded: %s',
    async (encoded) => {
      for (const endpoint of ENDPOINTS) expect((await ask(endpoint, {}, header(encoded))).status).toBe(200);
    },
  );

  it.each([
    ['a:b c%/+é', 'client: not an id and a secret'],
    ['a:b c%25/+é', 'the secret does not match'],
    ['a%253Ab%2Bc%2525%252F%252B%25C3%25A9', 'the secret does not match'],
  ])('is refused as it is, or encoded otherwise: %s', async (text, reason) => {
    for (const endpoint of ENDPOINTS) {
      const answer = await ask(endpoint, {}, header(text));
      expect(errorOf(endpoint, answer)[0]).toBe('401 invalid_client');
      expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
      expect(tessera.auditReason(answer.requestId)).toBe(reason);
    }
  });

  it('authenticates in the form, too', async () => {
    const form = { client_id: 'shop/placed', client_secret: 'a:b c%/+é' };
    for (const endpoint of ENDPOINTS) expect((await ask(endpoint, form)).status).toBe(200);
  });
});

it('introspection shows a token of a service to those who ask for that surface', async () => {
  const form = assertionForm(platformToken(), 'shop/importer');
  const token = (await ask('token', form)).body['access_token'] as string;
  expect((await ask('introspect', { ...form, token, surface: 'service' })).body).toMatchObject({
    active: true,
    sub: 'client:shop/importer',
    surface: 'service',
  });
  for (const surface of ['user', 'admin'])
    expect((await ask('introspect', { ...form, token, surface })).text).toBe('{"active":false}');
});

it('a token of a service is valid at validate for those who ask for that surface', async () => {
  const answer = await ask('token', assertionForm(platformToken(), 'shop/importer'));
  const authorization = `Bearer ${tokenOf(answer)}`;
  const validate = (query: string) => tessera.get(`/auth/validate${query}`, { authorization });
  const { status, body } = await validate('?surface=service');
  expect([status, body['surface'], body['client_id'], 'email_id' in body]).toEqual([200, 'service', 'importer', false]);
  for (const query of ['', '?surface=user', '?surface=admin'])
    expect((await validate(query)).refusal()).toMatchObject({ status: 401, error: 'unauthorized' });
});

it('an outage of the host of the keys is a 503, and no verdict', async () => {
  const form = () => assertionForm(signed('fetched', {}, { ...FETCHED, kid: `f-${++made}` }));
  await host.stop();
  const answer = await ask('introspect', form());
  await host.start();
  expect(answer.status).toBe(503);
  expect(answer.headers.get('retry-after')).not.toBeNull();
});

it('an outage of the host of the keys does not let strangers fill the audit', async () => {
  const limited = await start({ failuresPerMinute: 5 });
  const stranger = providerKey('s1', 'EdDSA');
  const claims = { iss: 'fetched', sub: 'fetched', aud: `${limited.url}/tenants/acme`, jti: 'x' };
  const form = { grant_type: 'client_credentials', ...assertionForm(writeSubjectToken({ key: stranger, claims })) };
  const before = limited.auditRows();
  await host.stop();
  try {
    for (const endpoint of ['token', 'introspect', 'revoke'])
      for (let attempt = 0; attempt < 10; attempt++) {
        const { status } = await limited.postForm(`/tenants/acme/${endpoint}`, { ...form, token: 'x' });
        expect(status).toBe(503);
      }
    expect(limited.auditRows() - before).toBe(5);
  } finally {
    await host.start();
    await limited.close();
  }
});

it('failed assertions are limited, and lock out neither good ones nor the secret', async () => {
  const limited = await start({ failuresPerMinute: 5 });
  try {
    const claims = { iss: 'web', sub: 'web', aud: `${limited.url}/tenants/acme` };
    const assertion = (jti: string, key = KEY) => {
      const seconds = Math.floor(limited.clock.nowMs() / 1000);
      return assertionForm(writeSubjectToken({ key, claims: { ...claims, exp: seconds + 60, jti } }));
    };
    const send = (form: Form, headers = {}) =>
      limited.postForm('/tenants/acme/introspect', { token: 'x', ...form }, headers);
    const stranger = providerKey('k1');
    for (let attempt = 0; attempt < 5; attempt++) expect((await send(assertion('x', stranger))).status).toBe(401);
    expect((await send(assertion('x', stranger))).refusal()).toMatchObject({ status: 429, error: 'too_many_requests' });
    expect((await send(assertion('good'))).status).toBe(200);
    expect((await send({}, basic('shop/web', limited.secret('acme/shop/web')))).status).toBe(200);
  } finally {
    await limited.close();
  }
});

it('keeps assertions out of the log', async () => {
  const [good, bad] = [signed('web'), signed('web', { aud: 'x' })];
  for (const text of [good, bad]) await ask('introspect', assertionForm(text));
  for (const text of [good, bad])
    for (const part of text.split('.').slice(1)) expect(tessera.log()).not.toContain(part);
});
