import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import { basic } from '../../support/requests/basic-credentials.ts';
import { oauthRefusal, TokenEndpointUser } from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

let tessera: TestTesseraServer;
let acme: TokenEndpointUser;
beforeEach(async () => {
  tessera = await startTessera({ tenantsFile: chainTenants(), failuresPerMinute: 5 });
  acme = new TokenEndpointUser(tessera);
});
afterEach(() => tessera.close());

const guess = (name: string) =>
  tessera.postForm('/tenants/acme/token', { grant_type: 'client_credentials' }, basic(name, 'wrong'));

it('counts guesses at a secret under one key, whatever form of the name and whatever endpoint they use', async () => {
  for (const name of ['shop/api', 'api', 'shop/api'])
    expect(oauthRefusal(await guess(name))).toBe('401 invalid_client');
  const inspect = await tessera.postForm('/tenants/acme/introspect', { token: 'x' }, basic('api', 'wrong'));
  expect(inspect.status).toBe(401);
  const mint = await tessera.post('/auth/user/generateToken', {
    tenant_id: 'acme',
    project_id: 'shop',
    client_id: 'api',
    email_id: 'ada@acme.example',
    secret_id: 'wrong',
  });
  expect(mint.status).toBe(401);
  const limited = await guess('shop/api');
  expect(oauthRefusal(limited)).toBe('429 too_many_requests');
  expect(Number(limited.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  // The right secret does not help the guesser, and other clients are unharmed.
  expect(oauthRefusal(await acme.clientCredentials('shop/api'))).toBe('429 too_many_requests');
  expect((await acme.clientCredentials('shop/stock')).status).toBe(200);
});

it('limits guesses at an unknown client as those at a known one', async () => {
  const answers = [];
  for (const name of ['shop/api', 'shop/nobody']) {
    for (let attempt = 0; attempt < 5; attempt++) expect(oauthRefusal(await guess(name))).toBe('401 invalid_client');
    const { status, headers } = await guess(name);
    answers.push([status, Number(headers.get('retry-after')) > 50]);
  }
  expect(answers).toEqual([
    [429, true],
    [429, true],
  ]);
});

it('slows a client that presents bad tokens, and none that presents good ones', async () => {
  const token = await acme.userToken('ada@acme.example');
  for (let attempt = 0; attempt < 5; attempt++)
    expect(oauthRefusal(await acme.exchange('shop/api', 'bad', { audience: 'stock-api' }))).toBe('400 invalid_grant');
  expect(oauthRefusal(await acme.exchange('shop/api', 'bad', { audience: 'stock-api' }))).toBe('429 too_many_requests');
  expect((await acme.exchange('shop/api', token, { audience: 'stock-api' })).status).toBe(200);
});
