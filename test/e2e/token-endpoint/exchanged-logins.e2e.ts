import { decodeJwt } from 'jose';
import { claimsOf, GRANTS, oauthRefusal, TokenEndpointUser, tokenOf } from '../../support/requests/token-endpoint.ts';
import { type ExchangeService, startExchangeService } from '../../support/tessera/exchange-service.ts';

/** Tokens of users who have logged in at an identity provider, exchanged by `web` for its own audience again and again. */
let service: ExchangeService;
let acme: TokenEndpointUser;
beforeAll(async () => {
  service = await startExchangeService();
  acme = new TokenEndpointUser(service.tessera);
  const clients = [{ id: 'web', exchange: [{ to: 'shop-api', scopes: 'subset' }] }];
  const tenants = [{ id: 'acme', projects: [{ id: 'shop', clients }] }];
  await service.tessera.apply(JSON.stringify({ apiVersion: 'tessera/v1', tenants }));
});
afterAll(() => service.close());

const WEB = { sub: 'client:shop/web', client_id: 'web' };
const LOGINS = {
  'jwt-bearer': {
    login: async () =>
      tokenOf(await acme.request('shop/web', { grant_type: GRANTS.jwtBearer, assertion: service.subjectToken() })),
    // Nobody acts for the user yet: the client that the token was issued to becomes the first actor.
    firstActor: WEB,
  },
  oidcToken: {
    login: async () => tokenOf(await service.exchange()),
    firstActor: { sub: 'u-ada', client_id: 'web' },
  },
};

describe.each(Object.entries(LOGINS))('a token of %s', (_, { login, firstActor }) => {
  it('keeps its identity provider through each exchange, and is the root', async () => {
    const first = await login();
    const { idp, jti } = decodeJwt(first);
    expect(idp).toBe(service.provider.issuer);
    const second = await acme.exchange('shop/web', first);
    expect(claimsOf(second)).toMatchObject({ sub: 'u-grace', idp, root: jti, act: { ...WEB, act: firstActor } });
    const third = await acme.exchange('shop/web', tokenOf(second));
    expect(claimsOf(third)).toMatchObject({ idp, root: jti, act: { ...WEB, act: { ...WEB, act: firstActor } } });
  });

  it('is exchanged until it has four actors, the first one included', async () => {
    let token = await login();
    for (let actors = 2; actors <= 4; actors++) token = tokenOf(await acme.exchange('shop/web', token));
    const answer = await acme.exchange('shop/web', token);
    expect(oauthRefusal(answer)).toBe('400 invalid_grant');
    expect(service.tessera.auditReason(answer.requestId)).toBe('subject token: it was exchanged too often');
  });
});

it('a token of generateToken names no identity provider, and neither does what it is exchanged for', async () => {
  const answer = await acme.exchange('shop/web', await service.bearer());
  expect(claimsOf(answer)).not.toHaveProperty('idp');
});
