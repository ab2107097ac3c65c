import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { decodeJwt, SignJWT } from 'jose';
import type { Answer } from '../../support/requests/answer.ts';
import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import { oauthRefusal, TokenEndpointUser, tokenOf } from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** What an apply, or one command, takes from a client is gone for the next request, and for tokens where nothing else could end them. */
let tessera: TestTesseraServer;
let acme: TokenEndpointUser;
beforeEach(async () => {
  tessera = await startTessera({ tenantsFile: chainTenants() });
  acme = new TokenEndpointUser(tessera);
});
afterEach(() => tessera.close());

const STOCK = { audience: 'stock-api' };

/** Applies members of one client. What the file leaves out stays. */
async function change(client: string, members: object): Promise<void> {
  const [project, id] = client.split('/');
  const projects = [{ id: project, clients: [{ id, ...members }] }];
  await tessera.apply(JSON.stringify({ apiVersion: 'tessera/v1', tenants: [{ id: 'acme', projects }] }));
  await tessera.caughtUp();
}

async function isActive(token: string): Promise<unknown> {
  const { aud } = decodeJwt(token);
  const asking = { 'shop-api': 'shop/mute', 'stock-api': 'shop/stock' }[aud as string]!;
  const answer = await tessera.postForm('/tenants/acme/introspect', { token, surface: 'service' }, acme.header(asking));
  return answer.body['active'];
}

describe('an exchange that is removed', () => {
  it('is refused from then on, and the last one takes the tokens that came of them along', async () => {
    const own = tokenOf(await acme.clientCredentials('shop/web'));
    const exchanged = tokenOf(await acme.exchange('shop/api', own, STOCK));
    await change('shop/api', { exchange: [{ to: 'mail-api', scopes: 'subset' }] });
    expect(oauthRefusal(await acme.exchange('shop/api', own, STOCK))).toBe('400 invalid_target');
    expect(await isActive(exchanged)).toBe(true);
    await change('shop/api', { exchange: [] });
    expect(oauthRefusal(await acme.exchange('shop/api', own, STOCK))).toBe('400 unauthorized_client');
    expect([await isActive(own), await isActive(exchanged)]).toEqual([true, false]);
  });
});

describe('a service that is removed', () => {
  it.each([
    ['alone', () => change('shop/web', { service: null })],
    [
      'with its client',
      async () => {
        await tessera.cli(['client', 'remove', 'acme/shop/web']);
        await tessera.caughtUp();
      },
    ],
  ])('has no token any more, nor has what another exchanged it for: %s', async (_, remove) => {
    const own = tokenOf(await acme.clientCredentials('shop/web'));
    const exchanged = tokenOf(await acme.exchange('shop/api', own, STOCK));
    const others = tokenOf(await acme.clientCredentials('shop/stock'));
    expect([await isActive(own), await isActive(exchanged)]).toEqual([true, true]);
    await remove();
    expect([await isActive(own), await isActive(exchanged)]).toEqual([false, false]);
    expect(await isActive(others)).toBe(true);
    expect(oauthRefusal(await acme.clientCredentials('shop/web'))).toMatch(/unauthorized_client|invalid_client/);
    expect(oauthRefusal(await acme.exchange('shop/api', own, STOCK))).toBe('400 invalid_grant');
  });
});

describe('a key of a client', () => {
  const make = (kid: string) => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return { kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256' } };
  };
  const [old, next] = [make('old'), make('next')];
  const JOB = { surfaces: ['user'], scopes: 'unbounded', subjects: 'any', service: { roles: [] } };

  async function ask({ kid, privateKey }: ReturnType<typeof make>): Promise<Answer> {
    const assertion = await new SignJWT({})
      .setProtectedHeader({ alg: 'ES256', kid })
      .setIssuer('shop/job')
      .setSubject('shop/job')
      .setAudience(`${tessera.url}/tenants/acme`)
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(privateKey);
    return tessera.postForm('/tenants/acme/token', {
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    });
  }

  it('works from the apply that adds it to the one that removes it, without a moment when none does', async () => {
    await change('shop/job', { ...JOB, keys: [old.jwk] });
    expect((await ask(old)).status).toBe(200);
    expect(oauthRefusal(await ask(next))).toBe('401 invalid_client');
    await change('shop/job', { keys: [old.jwk, next.jwk] });
    expect([(await ask(old)).status, (await ask(next)).status]).toEqual([200, 200]);
    await change('shop/job', { keys: [next.jwk] });
    expect(oauthRefusal(await ask(old))).toBe('401 invalid_client');
    expect((await ask(next)).status).toBe(200);
  });
});
