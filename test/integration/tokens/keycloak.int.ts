import { decodeJwt } from 'jose';
import { type ExchangeFixture, openExchangeFixture } from '../../../src/testing/exchange-fixture.ts';
import { type ExchangeReplicas, startExchangeReplicas } from '../../support/tessera/exchange-replicas.ts';
import { tenantsWithTrusts, trustOf } from '../../support/tessera/exchange-service.ts';
import { type RunningKeycloak, startKeycloak } from '../../support/servers/keycloak.ts';
import { refusalOf } from '../../../src/testing/refusal.ts';
import { replaceOnce } from '../../../libs/token/test/replace-once.ts';

let keycloak: RunningKeycloak;
let tessera: ExchangeFixture;
let grace: string;

beforeAll(async () => {
  keycloak = await startKeycloak();
  grace = await keycloak.addUser({ username: 'grace', email: 'grace@acme.example', emailVerified: true });
  await keycloak.addUser({ username: 'mallory', email: 'ada@acme.example', emailVerified: false });
  tessera = await openExchangeFixture();
}, 240_000);
afterAll(async () => {
  await tessera.close();
  await keycloak.close();
}, 60_000);

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
  expect(facts.exchange).toEqual({ actor: { clientId: 'web', sub: 'u-ada' }, identityProvider: keycloak.issuer });
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

it('refuses it too when its client is put into its audience: the condition accepts ID tokens only', async () => {
  await keycloak.addOwnAudience();
  const { accessToken } = await keycloak.logIn('grace');
  await expectRefused(accessToken, 'the subject token is refused: it does not meet the condition on "typ"');
  await tessera.trust({ ...trusted(), conditions: 'none' });
  const { subject } = await tessera.authenticate({ oidcToken: accessToken });
  expect(subject).toEqual({ by: 'email', email: 'grace@acme.example' });
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
  }, 60_000);
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
