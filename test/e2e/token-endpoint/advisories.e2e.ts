import { ATTACK_TABLE } from '../../../libs/token/test/attack-table.ts';
import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import { attackMaterial } from '../../support/requests/attack-material.ts';
import { basic } from '../../support/requests/basic-credentials.ts';
import { claimsOf, GRANTS, oauthRefusal, TokenEndpointUser, tokenOf } from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** What other token services got wrong, each by its advisory or issue. */
let tessera: TestTesseraServer;
let acme: TokenEndpointUser;
let globex: TokenEndpointUser;
let adas: string;
beforeAll(async () => {
  tessera = await startTessera({ tenantsFile: chainTenants() });
  acme = new TokenEndpointUser(tessera);
  globex = new TokenEndpointUser(tessera, 'globex');
  adas = await acme.userToken('ada@acme.example');
});
afterAll(() => tessera.close());

it('ZITADEL, CVE-2026-56668: a token is not exchanged into another application', async () => {
  for (const audience of ['ledger-api', 'vault-api', 'back-api', 'gate-api'])
    expect(oauthRefusal(await acme.exchange('shop/api', adas, { audience }))).toBe('400 invalid_target');
});

it('GHSA-g5h5-m4hm-xjrr: the audience of the presented token is checked', async () => {
  const forBack = tokenOf(await acme.clientCredentials('back/web'));
  expect(oauthRefusal(await acme.exchange('shop/api', forBack, { audience: 'stock-api' }))).toBe('400 invalid_grant');
});

it('GHSA-wxg7-w2v3-w38g: a token without exp is refused', async () => {
  const row = ATTACK_TABLE.find(({ name }) => name === 'exp missing');
  const token = row!.make(await attackMaterial(tessera));
  expect(oauthRefusal(await acme.exchange('shop/api', token, { audience: 'stock-api' }))).toBe('400 invalid_grant');
});

it('toolhive #5882: the audience is bounded like the scopes', async () => {
  const narrow = { audience: 'mail-api', scope: 'orders:read' };
  expect(oauthRefusal(await acme.exchange('shop/narrow', adas, narrow))).toBe('400 invalid_target');
  expect(oauthRefusal(await acme.clientCredentials('shop/narrow', narrow))).toBe('400 invalid_target');
});

it('Casdoor, CVE-2026-9094: neither a client nor a token of another organization gets a token', async () => {
  const theirs = await globex.userToken('ada@globex.example');
  expect(oauthRefusal(await acme.exchange('shop/api', theirs, { audience: 'stock-api' }))).toBe('400 invalid_grant');
  const asked = { grant_type: GRANTS.clientCredentials };
  const ofGlobex = basic('shop/api', tessera.secret('globex/shop/api'));
  expect(oauthRefusal(await tessera.postForm('/tenants/acme/token', asked, ofGlobex))).toBe('401 invalid_client');
});

it('Casdoor #5875: the audience that is asked for is the one of the token', async () => {
  expect(claimsOf(await acme.clientCredentials('shop/api', { audience: 'stock-api' }))['aud']).toBe('stock-api');
  expect(claimsOf(await acme.exchange('shop/api', adas, { audience: 'stock-api' }))['aud']).toBe('stock-api');
});

it('Keycloak #49993: no grant leaves out what the client may do', async () => {
  // Each grant with a client that may use it only for something else.
  expect(oauthRefusal(await acme.clientCredentials('shop/ledger'))).toBe('400 unauthorized_client');
  expect(oauthRefusal(await acme.exchange('shop/mute', adas, { audience: 'stock-api' }))).toBe(
    '400 unauthorized_client',
  );
  const assertion = { grant_type: GRANTS.jwtBearer, assertion: 'a.b.c' };
  expect(oauthRefusal(await acme.request('shop/admins', assertion))).toBe('400 unauthorized_client');
});

it('Keycloak #53029: introspection shows who acts', async () => {
  const answer = await acme.exchange('shop/api', adas, { audience: 'stock-api' });
  const form = { token: tokenOf(answer) };
  const { body } = await tessera.postForm('/tenants/acme/introspect', form, acme.header('shop/stock'));
  expect(body['act']).toEqual(claimsOf(answer)['act']);
});

it('workers-oauth-provider #120: an exchange adds no resource that the client may not reach', async () => {
  const resource = { resource: 'https://ledger.example/v1' };
  expect(oauthRefusal(await acme.exchange('shop/api', adas, resource))).toBe('400 invalid_target');
  const narrowed = tokenOf(await acme.exchange('shop/api', adas, { audience: 'stock-api', scope: 'orders:read' }));
  const next = await acme.exchange('shop/stock', narrowed, { audience: 'ledger-api' });
  expect(claimsOf(next)).toMatchObject({ scope: 'orders:read', resources: ['orders'] });
});
