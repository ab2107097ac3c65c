import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import { oauthRefusal, TokenEndpointUser } from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

let tessera: TestTesseraServer;
let acme: TokenEndpointUser;
beforeAll(async () => {
  tessera = await startTessera({ tenantsFile: chainTenants() });
  acme = new TokenEndpointUser(tessera);
});
afterAll(() => tessera.close());

it('a secret that is left in the vault does not authenticate a client that became secretless', async () => {
  const form = { token: 'x' };
  const path = '/tenants/acme/introspect';
  expect((await acme.request('shop/mute', { grant_type: 'client_credentials' })).status).toBe(400);
  expect((await tessera.postForm(path, form, acme.header('shop/mute'))).status).toBe(200);
  const policy = 'policy: { secretless: { networks: [10.0.0.0/8] } }';
  await tessera.apply(chainTenants({ '{ id: mute, ': `{ id: mute, ${policy}, ` }));
  await tessera.caughtUp();
  expect(oauthRefusal(await acme.request('shop/mute', { grant_type: 'client_credentials' }))).toBe(
    '401 invalid_client',
  );
  expect((await tessera.postForm(path, form, acme.header('shop/mute'))).status).toBe(401);
});
