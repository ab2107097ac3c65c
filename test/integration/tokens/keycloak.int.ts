import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { decodeJwt } from 'jose';
import { certificateAuthority } from '../../../src/testing/self-signed-certificate.ts';
import { startForwardProxy } from '../../support/servers/forward-proxy.ts';
import { startServer } from '../../support/tessera/server-process.ts';
import { TestInstallation } from '../../e2e/cli/installation.ts';
import {
  assertionForm,
  type CallerFixture,
  clientDraft,
  openCallerFixture,
} from '../../../src/testing/caller-fixture.ts';
import { type ExchangeFixture, openExchangeFixture } from '../../../src/testing/exchange-fixture.ts';
import { claimsOf, GRANTS, oauthRefusal } from '../../support/requests/token-endpoint.ts';
import { type ExchangeReplicas, startExchangeReplicas } from '../../support/tessera/exchange-replicas.ts';
import { tenantsWithTrusts, trustOf } from '../../support/tessera/exchange-service.ts';
import { type KeycloakServiceAccount, type RunningKeycloak, startKeycloak } from '../../support/servers/keycloak.ts';
import type { Condition } from '../../../src/tenancy/tenant.ts';
import { trustDraft } from '../../../src/testing/trust-draft.ts';
import { refusalOf } from '../../../src/testing/refusal.ts';
import { replaceOnce } from '../../../libs/token/test/replace-once.ts';

let keycloak: RunningKeycloak;
let tessera: ExchangeFixture;
let grace: string;
let installation: TestInstallation;

/** The name of Keycloak in the own network, and the authority that has signed its certificate. */
const HOST = 'idp.lab.example';
const authority = certificateAuthority('Lab');

beforeAll(async () => {
  installation = await TestInstallation.make();
  const { key, cert } = authority.issue(HOST);
  keycloak = await startKeycloak({
    tls: {
      certificateFile: await installation.write('keycloak.pem', cert),
      keyFile: await installation.write('keycloak-key.pem', key),
    },
  });
  grace = await keycloak.addUser({ username: 'grace', email: 'grace@acme.example', emailVerified: true });
  await keycloak.addUser({ username: 'mallory', email: 'ada@acme.example', emailVerified: false });
  tessera = await openExchangeFixture();
});
afterAll(async () => {
  await tessera.close();
  await keycloak.close();
  await installation.remove();
});

// Keycloak's access tokens have "Bearer" there.
const conditions = new Map([['typ', ['ID']]]);
const trusted = () => ({ issuer: keycloak.issuer, algorithms: ['RS256'], conditions });

beforeEach(async () => {
  tessera.clock.ms = Date.now();
  tessera.reset([keycloak.hostPort]);
  await tessera.trust(trusted());
});

const logIn = async (username: string) => (await keycloak.logIn(username)).idToken;
async function expectRefused(oidcToken: string, reason: string): Promise<void> {
  const error = await refusalOf(tessera.authenticate({ oidcToken }));
  expect([error.code, error.reason]).toEqual(['unauthorized', reason]);
}

it('identifies a user by a verified address', async () => {
  const facts = await tessera.authenticate({ oidcToken: await logIn('grace') });
  expect(facts.subject).toEqual({ by: 'email', email: 'grace@acme.example' });
  expect(facts.exchange).toEqual({ actor: { client_id: 'web', sub: 'u-ada' }, identityProvider: keycloak.issuer });
  expect(facts.notAfter).toBeGreaterThan(tessera.clock.seconds);
});

it('identifies a user by the linked account', async () => {
  await tessera.trust({ ...trusted(), subject: { match: 'linked' } });
  const { subject } = await tessera.authenticate({ oidcToken: await logIn('grace') });
  expect(subject).toEqual({ by: 'identity', issuer: keycloak.issuer, sub: grace });
});

it('refuses a user whose address is not verified', async () => {
  await expectRefused(await logIn('mallory'), 'the subject token is refused: its e-mail address is not verified');
});

it('refuses the access token of the same login: it is for another audience', async () => {
  const { accessToken } = await keycloak.logIn('grace');
  await expectRefused(accessToken, 'the subject token is refused: it is for another audience');
});

describe('the access token of a login whose client is put into its audience', () => {
  let accessToken: string;
  beforeAll(() => keycloak.addOwnAudience());
  beforeEach(async () => {
    ({ accessToken } = await keycloak.logIn('grace'));
    expect(decodeJwt(accessToken)).toMatchObject({ aud: ['tessera-acme', 'account'], azp: 'tessera-acme' });
  });

  it('is refused: the condition accepts ID tokens only', async () => {
    await expectRefused(accessToken, 'the subject token is refused: it does not meet the condition on "typ"');
    await tessera.trust({ ...trusted(), conditions: 'none' });
    const { subject } = await tessera.authenticate({ oidcToken: accessToken });
    expect(subject).toEqual({ by: 'email', email: 'grace@acme.example' });
  });

  const ofRoles = (role: string, word: string, key: string) =>
    new Map<string, Condition>([
      ['typ', ['Bearer']],
      ['/realm_access/roles', [role]],
      ['scope', { contains: word }],
      ['resource_access', { hasKey: key }],
    ]);

  it('is accepted by nested roles, a word of its scope and a key of a map', async () => {
    await tessera.trust({ ...trusted(), conditions: ofRoles('default-roles-acme', 'email', 'account') });
    await expect(tessera.authenticate({ oidcToken: accessToken })).resolves.toBeDefined();
  });

  it.each([
    ['/realm_access/roles', ofRoles('admin', 'email', 'account')],
    ['scope', ofRoles('default-roles-acme', 'mail', 'account')],
    ['resource_access', ofRoles('default-roles-acme', 'email', 'tessera-acme')],
  ])('is refused by another condition on %s', async (claim, others) => {
    await tessera.trust({ ...trusted(), conditions: others });
    await expectRefused(accessToken, `the subject token is refused: it does not meet the condition on "${claim}"`);
  });

  it('is accepted without regard to who asked if every audience is ours, unless the trust lists the party', async () => {
    const open = { ...trusted(), conditions: 'none', audiences: ['tessera-acme', 'account'] } as const;
    await tessera.trust({ ...open, azp: ['tessera-acme'] });
    await expect(tessera.authenticate({ oidcToken: accessToken })).resolves.toBeDefined();
    await tessera.trust({ ...open, azp: ['android'] });
    await expectRefused(accessToken, 'the subject token is refused: its azp is not one that the trust lists');
    await tessera.trust({ ...open, audiences: ['account'] });
    await expectRefused(
      accessToken,
      'the subject token is refused: it is for several audiences and was asked for by another',
    );
  });
});

it('refuses tokens of another realm of the same server', async () => {
  await tessera.trust({ ...trusted(), issuer: replaceOnce(keycloak.issuer, '/acme', '/master') });
  await expectRefused(await logIn('grace'), 'the subject token is refused: this tenant does not trust its issuer');
});

it('follows a rotation of keys: tokens of the new key pass at once, those of the old one no longer', async () => {
  const before = await logIn('grace');
  await tessera.authenticate({ oidcToken: before });
  await keycloak.rotateKeys();
  await tessera.authenticate({ oidcToken: await logIn('grace') });
  await expectRefused(before, 'the issuer has no usable key of this kid and algorithm');
});

describe('a running server', () => {
  let replicas: ExchangeReplicas;
  beforeAll(async () => {
    const trust = trustOf('corp', keycloak.issuer, {
      audiences: `[${keycloak.clientId}]`,
      algorithms: '[RS256]',
      conditions: '{ typ: ID }',
    });
    const settings = { TESSERA_FEDERATION_ALLOWED_HOSTS: keycloak.hostPort };
    replicas = await startExchangeReplicas(1, tenantsWithTrusts(trust), settings);
  });
  afterAll(() => replicas.close());

  const exchange = async (surface: 'admin' | 'user', oidcToken: string) =>
    replicas.exchange(replicas.servers[0]!, surface, await replicas.bearer(surface), oidcToken);

  it.each([
    ['user', 'u-grace'],
    ['admin', 'a-grace'],
  ] as const)('gives a token of the %s surface for a login, once', async (surface, sub) => {
    const idToken = await logIn('grace');
    const answer = await exchange(surface, idToken);
    expect(answer.status).toBe(200);
    const claims = decodeJwt(answer.body['access_token'] as string);
    expect(claims).toMatchObject({ sub, surface, idp: keycloak.issuer, act: { client_id: 'web' } });
    expect(claims.exp).toBeLessThanOrEqual(decodeJwt(idToken).exp!);
    expect((await exchange(surface, idToken)).refusal()).toMatchObject({ status: 401 });
  });

  it('issues none for the access token of a login, nor for an address that is not verified', async () => {
    const { accessToken } = await keycloak.logIn('grace');
    expect((await exchange('user', accessToken)).refusal()).toMatchObject({ status: 401 });
    expect((await exchange('user', await logIn('mallory'))).refusal()).toMatchObject({ status: 401 });
  });

  it('continues after a rotation of keys', async () => {
    await keycloak.rotateKeys();
    expect((await exchange('user', await logIn('grace'))).status).toBe(200);
  });
});

describe('a service account as a workload', () => {
  let callers: CallerFixture;
  let batch: KeycloakServiceAccount;
  let other: KeycloakServiceAccount;
  beforeAll(async () => {
    callers = await openCallerFixture();
    [batch, other] = [await keycloak.addServiceAccount('batch'), await keycloak.addServiceAccount('other')];
  });
  afterAll(() => callers.close());
  beforeEach(() => {
    callers.clock.ms = Date.now();
    callers.reset([keycloak.hostPort]);
  });

  /** The issuer is trusted for nobody else: what it may not do for people does not bind its workloads. */
  const present = async (assertion: string, more: readonly (readonly [string, Condition])[] = []) => {
    const typ: Condition = ['Bearer'];
    const trust = trustDraft({ ...trusted(), conditions: new Map([['typ', typ]]), clients: [], surfaces: [] });
    const workload = { issuer: trust.id, conditions: new Map<string, Condition>([['sub', [batch.sub]], ...more]) };
    await callers.save([clientDraft('batch', { workload })], { trusts: [trust] });
    return callers.authenticate({ form: assertionForm(assertion, 'shop/batch') });
  };
  const refusedBecause = (reason: string) => `the client assertion is refused: ${reason}`;

  it('authenticates by its access token, more than once, until the token expires', async () => {
    const token = await batch.token();
    expect(decodeJwt(token)).toMatchObject({ aud: 'tessera-acme', azp: 'batch', sub: batch.sub });
    for (const conditions of [[], [['azp', ['batch']]]] as const) {
      const caller = await present(token, conditions);
      expect([caller.client.id, caller.secretId]).toEqual(['batch', 'workload:corp']);
      expect(caller.notAfter).toBe(decodeJwt(token).exp);
    }
  });

  it('is not another service account of the realm, nor a person', async () => {
    const notThis = refusedBecause('it does not meet the condition of the workload on "sub"');
    expect((await refusalOf(present(await other.token()))).reason).toBe(notThis);
    // Its client was put into the audience of access tokens above.
    const { accessToken } = await keycloak.logIn('grace');
    expect((await refusalOf(present(accessToken))).reason).toMatch(/^the client assertion is refused: it /);
  });

  it('is not one whose token another client asked for', async () => {
    const refused = await refusalOf(present(await batch.token(), [['azp', ['other']]]));
    expect([refused.code, refused.reason]).toEqual([
      'invalid_client',
      refusedBecause('it does not meet the condition of the workload on "azp"'),
    ]);
  });

  describe('of a running server', () => {
    let replicas: ExchangeReplicas;
    beforeAll(async () => {
      const settings = { TESSERA_FEDERATION_ALLOWED_HOSTS: keycloak.hostPort };
      replicas = await startExchangeReplicas(1, tenantOfWorkload(batch.sub), settings);
    });
    afterAll(() => replicas.close());

    const getToken = (assertion: string) => {
      const form = { grant_type: GRANTS.clientCredentials, ...assertionForm(assertion, 'shop/batch') };
      return replicas.at(replicas.servers[0]!).postForm('/tenants/acme/token', form);
    };

    it('gets tokens that expire no later than its access token', async () => {
      const assertion = await batch.token();
      for (let time = 0; time < 2; time++) {
        const claims = claimsOf(await getToken(assertion));
        expect(claims).toMatchObject({ sub: 'client:shop/batch', surface: 'service' });
        expect(claims.exp).toBe(decodeJwt(assertion).exp);
      }
    });

    it('is refused with the access token of another service account or of a person', async () => {
      const { accessToken } = await keycloak.logIn('grace');
      for (const assertion of [await other.token(), accessToken]) {
        const refused = await getToken(assertion);
        expect(oauthRefusal(refused)).toBe('401 invalid_client');
        const written = await replicas.cli(['audit', '--request', refused.requestId, '-o', 'json']);
        const [record] = (JSON.parse(written) as { records: { reason: string }[] }).records;
        expect(record!.reason).toMatch(/^the client assertion is refused: it /);
      }
    });
  });

  it('goes on after a rotation of keys', async () => {
    await present(await batch.token());
    await keycloak.rotateKeys();
    expect((await present(await batch.token())).client.id).toBe('batch');
  });
});

it('is reached by a server through a forward proxy, by TLS with a certificate of an own authority', async () => {
  const issuer = `https://${HOST}:${keycloak.tlsPort}/realms/acme`;
  const trust = trustOf('corp', issuer, {
    algorithms: '[RS256]',
    conditions: '{ typ: ID, azp: tessera-acme }',
    surfaces: '[user]',
  });
  const { secrets } = await installation.applied(tenantsWithTrusts(trust));
  const { secret_id } = secrets.find(({ tenant_id, client_id }) => tenant_id === 'acme' && client_id === 'web')!;
  const proxy = await startForwardProxy({ names: [HOST] });
  const env = {
    TESSERA_DATA_DIR: join(installation.folder, 'data'),
    HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`,
    NODE_EXTRA_CA_CERTS: await installation.write('authority.pem', authority.cert),
  };
  const server = await startServer(env, installation.folder);
  const post = async (path: string, body: object, bearer?: string) => {
    const headers = { 'content-type': 'application/json', ...(bearer && { authorization: `Bearer ${bearer}` }) };
    const answer = await fetch(`${server.url}/auth/user/${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as { access_token: string } };
  };
  try {
    const oidc_token = await idTokenAt(issuer);
    expect(decodeJwt(oidc_token).iss).toBe(issuer);
    const asked = { tenant_id: 'acme', project_id: 'shop', client_id: 'web', email_id: 'ada@acme.example', secret_id };
    const bearer = (await post('generateToken', asked)).body.access_token;
    const { status, body } = await post('oidcToken', { oidc_token }, bearer);
    expect(status).toBe(200);
    expect(decodeJwt(body.access_token)).toMatchObject({ sub: 'u-grace', idp: issuer });
    expect(proxy.requests).toEqual(Array(2).fill(`${HOST}:${keycloak.tlsPort}`));
  } finally {
    await server.end();
    await proxy.close();
  }
});

/** A tenant that trusts Keycloak for workloads only. As JSON, which is YAML. */
function tenantOfWorkload(sub: string): string {
  const trust = {
    id: 'corp',
    issuer: keycloak.issuer,
    audiences: [keycloak.clientId],
    algorithms: ['RS256'],
    conditions: { typ: 'Bearer' },
    subject: { match: 'linked' },
    clients: [],
    surfaces: ['user'],
    max_lifetime: '1h',
  };
  const workload = { issuer: 'corp', conditions: { sub } };
  const batch = { id: 'batch', surfaces: ['user'], scopes: 'unbounded', subjects: 'any', service: { roles: [] } };
  const acme = {
    id: 'acme',
    database: { driver: 'sqlite' },
    // Longer than the access tokens of Keycloak live.
    tokens: { ttl: '15m' },
    issuers: [trust],
    projects: [{ id: 'shop', clients: [{ ...batch, workload }] }],
  };
  return JSON.stringify({ apiVersion: 'tessera/v1', tenants: [acme] });
}

/** Keycloak's issuer is the URL that it was asked at. */
async function idTokenAt(issuer: string): Promise<string> {
  const sent = request(`${issuer}/protocol/openid-connect/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    ca: authority.cert,
    // No resolver knows the name here.
    lookup: (_name, options, callback) => {
      if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }]);
      else callback(null, '127.0.0.1', 4);
    },
  });
  sent.end(keycloak.passwordGrant('grace'));
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return ((await json(answer)) as { id_token: string }).id_token;
}
