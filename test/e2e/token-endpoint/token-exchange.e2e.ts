import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import {
  ACCESS_TOKEN,
  claimsOf,
  GRANTS,
  oauthRefusal,
  type Parameters,
  TokenEndpointUser,
  tokenOf,
} from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

let tessera: TestTesseraServer;
let acme: TokenEndpointUser;
let adas: string;
beforeAll(async () => {
  tessera = await startTessera({ tenantsFile: chainTenants() });
  acme = new TokenEndpointUser(tessera);
  adas = await acme.userToken('ada@acme.example');
});
afterAll(() => tessera.close());

const STOCK = { audience: 'stock-api' };

describe('a token exchange', () => {
  it('gives a token for the next service, about the same subject', async () => {
    const answer = await acme.exchange('shop/api', adas, STOCK);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toEqual({
      access_token: expect.any(String),
      expires_in: expect.any(Number),
      token_type: 'Bearer',
      scope: 'mail:send orders:read orders:write',
      issued_token_type: ACCESS_TOKEN,
    });
    const [first, next] = [decoded(adas), claimsOf(answer)];
    expect(next).toEqual({
      ...first,
      aud: 'stock-api',
      client_id: 'api',
      iat: expect.any(Number),
      exp: first.exp,
      jti: expect.any(String),
      act: { sub: 'client:shop/api', client_id: 'api', act: { sub: 'client:shop/web', client_id: 'web' } },
      root: first.jti,
    });
    expect(next.jti).not.toBe(first.jti);
  });

  it('names each client on the way, and the first token', async () => {
    const second = tokenOf(await acme.exchange('shop/api', adas, STOCK));
    const third = claimsOf(await acme.exchange('shop/stock', second, { audience: 'ledger-api' }));
    expect(third).toMatchObject({
      sub: 'u-ada',
      client_id: 'stock',
      aud: 'ledger-api',
      root: decoded(adas).jti,
      act: {
        sub: 'client:shop/stock',
        client_id: 'stock',
        act: { sub: 'client:shop/api', client_id: 'api', act: { sub: 'client:shop/web', client_id: 'web' } },
      },
    });
  });

  it('ends after four clients', async () => {
    let token = adas;
    for (const [client, audience] of [
      ['shop/api', 'stock-api'],
      ['shop/stock', 'ledger-api'],
      ['shop/ledger', 'vault-api'],
    ] as const)
      token = tokenOf(await acme.exchange(client, token, { audience }));
    const answer = await acme.exchange('shop/vault', token, { audience: 'end-api' });
    expect(oauthRefusal(answer)).toBe('400 invalid_grant');
    expect(tessera.auditReason(answer.requestId)).toBe('subject token: it was exchanged too often');
  });

  it('of a service’s token gives one of the surface of services', async () => {
    const own = tokenOf(await acme.clientCredentials('shop/web', { scope: 'orders:read' }));
    // web has its own audience, which is api's too.
    const next = claimsOf(await acme.exchange('shop/api', own, STOCK));
    expect(next).toMatchObject({
      sub: 'client:shop/web',
      surface: 'service',
      client_id: 'api',
      scope: 'orders:read',
      act: { sub: 'client:shop/api', act: { sub: 'client:shop/web' } },
    });
    expect(next).not.toHaveProperty('email_id');
  });

  it('without a target aims at the client’s own audience, which must be listed', async () => {
    expect(claimsOf(await acme.exchange('shop/gateway', adas))).toMatchObject({ aud: 'gate-api' });
    expect(oauthRefusal(await acme.exchange('shop/api', adas))).toBe('400 invalid_target');
  });

  it('takes a resource, too', async () => {
    const answer = await acme.exchange('shop/api', adas, { resource: 'https://stock.example/v1' });
    expect(claimsOf(answer)['aud']).toBe('https://stock.example/v1');
  });

  it('is recorded with the actor, the audience and the token that was exchanged', async () => {
    const answer = await acme.exchange('shop/api', adas, STOCK);
    const { details, subject_id: subject } = tessera.auditRow(answer.requestId);
    expect(subject).toBe('u-ada');
    expect(JSON.parse(details as string)).toEqual({
      grant: GRANTS.tokenExchange,
      audience: 'stock-api',
      actor: 'client:shop/api',
      parent_token_id: decoded(adas).jti,
      root_token_id: decoded(adas).jti,
    });
  });

  it('does not outlive the token that was exchanged', async () => {
    const token = await acme.userToken('carol@acme.example');
    tessera.clock.advanceSeconds(400);
    const answer = await acme.exchange('shop/api', token, STOCK);
    expect(answer.body['expires_in']).toBe(200);
    expect(claimsOf(answer).exp).toBe(decoded(token).exp);
    // Verifiers would still accept it for the time that clocks may differ.
    tessera.clock.advanceSeconds(210);
    expect(oauthRefusal(await acme.exchange('shop/api', token, STOCK))).toBe('400 invalid_grant');
    adas = await acme.userToken('ada@acme.example');
  });
});

describe('the scopes of an exchange', () => {
  it('are those that the subject has now, within the presented token for a subset', async () => {
    const root = tokenOf(await acme.clientCredentials('shop/web', { scope: 'stock:count' }));
    expect((await acme.exchange('shop/api', root, STOCK)).body['scope']).toBe('stock:count');
    expect(oauthRefusal(await acme.exchange('shop/api', root, { ...STOCK, scope: 'orders:read' }))).toBe(
      '400 invalid_scope',
    );
  });

  it('are re-derived, at most to these, for a list', async () => {
    const narrowed = tokenOf(await acme.clientCredentials('shop/api', { scope: 'orders:read' }));
    expect((await acme.exchange('shop/api', narrowed, STOCK)).body['scope']).toBe('orders:read');
    const forMail = { audience: 'mail-api' };
    expect((await acme.exchange('shop/api', narrowed, forMail)).body['scope']).toBe('mail:send');
    expect(oauthRefusal(await acme.exchange('shop/api', narrowed, { ...forMail, scope: 'orders:read' }))).toBe(
      '400 invalid_scope',
    );
  });

  it('are within the bound of the calling client, whose list has more', async () => {
    expect((await acme.exchange('shop/narrow', adas, STOCK)).body['scope']).toBe('orders:read');
    expect(oauthRefusal(await acme.exchange('shop/narrow', adas, { ...STOCK, scope: 'orders:write' }))).toBe(
      '400 invalid_scope',
    );
  });

  it('are within the bound of a service whose token is exchanged, although the list and its caller have more', async () => {
    const scopesOf = async (client: string) => {
      const own = tokenOf(await acme.clientCredentials(client));
      return (await acme.exchange('shop/gateway', own, { audience: 'count-api' })).body['scope'];
    };
    // Both have the role robot.
    expect(await scopesOf('shop/web')).toBe('orders:read stock:count');
    expect(await scopesOf('shop/narrow')).toBe('orders:read');
  });

  it('may be none', async () => {
    const carols = await acme.userToken('carol@acme.example');
    const answer = await acme.exchange('shop/api', carols, { audience: 'mail-api' });
    expect(answer.body['scope']).toBe('');
    expect(claimsOf(answer)).toMatchObject({ scope: '', resources: [] });
  });

  it('lose a role that was taken from the subject meanwhile', async () => {
    const root = await acme.userToken('ada@acme.example');
    await tessera.apply(chainTenants({ 'groups: [sales]': 'groups: []' }));
    await tessera.caughtUp();
    const answer = await acme.exchange('shop/api', root, STOCK);
    expect(claimsOf(answer)).toMatchObject({ scope: '', roles: [], groups: [] });
    await tessera.apply(chainTenants());
    await tessera.caughtUp();
  });
});

describe('an exchange is refused', () => {
  const refused = async (client: string, token: string, parameters: Parameters = STOCK) => {
    const answer = await acme.exchange(client, token, parameters);
    return [oauthRefusal(answer), tessera.auditReason(answer.requestId)];
  };

  it('to a client that has nothing listed', async () => {
    expect(await refused('shop/mute', adas)).toEqual(['400 unauthorized_client', 'the client may not exchange tokens']);
  });

  it('for another target', async () => {
    const reason = 'the client may not exchange tokens for this audience';
    expect(await refused('shop/api', adas, { audience: 'ledger-api' })).toEqual(['400 invalid_target', reason]);
    expect(await refused('shop/api', adas, { audience: 'shop-api' })).toEqual(['400 invalid_target', reason]);
  });

  it('of a token that is for another service', async () => {
    const reason = 'subject token: it is for another audience';
    const forStock = tokenOf(await acme.exchange('shop/api', adas, STOCK));
    expect(await refused('shop/api', forStock)).toEqual(['400 invalid_grant', reason]);
    // Its own audience is not among those that it receives.
    expect(await refused('shop/deaf', adas)).toEqual(['400 invalid_grant', reason]);
  });

  it('of a token of an administrator', async () => {
    const admins = await acme.userToken('root@acme.example', 'shop/web', 'admin');
    expect(await refused('shop/api', admins)).toEqual([
      '400 invalid_grant',
      'subject token: surface: not accepted here',
    ]);
  });

  it('to a client that may have no tokens of users', async () => {
    expect(await refused('shop/admins', adas)).toEqual([
      '400 unauthorized_client',
      'the client may not have tokens of users',
    ]);
  });

  it('to a client that may not ask for this subject', async () => {
    expect(await refused('shop/bounded', adas)).toEqual([
      '400 invalid_grant',
      'the client may not ask for this subject',
    ]);
  });

  it.each<[string, Parameters]>([
    ['without a subject token', { subject_token: '' }],
    ['for another type of token', { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }],
    ['for a token of JWT type', { requested_token_type: 'urn:ietf:params:oauth:token-type:jwt' }],
    ['of an ID token', { subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' }],
    ['with an actor token of no type', { actor_token: 'x' }],
    ['with the type of no actor token', { actor_token_type: ACCESS_TOKEN }],
    [
      'with an actor token of another type',
      { actor_token: 'x', actor_token_type: 'urn:ietf:params:oauth:token-type:saml2' },
    ],
  ])('%s', async (_, parameters) => {
    const answer = await acme.exchange('shop/api', adas, { ...STOCK, ...parameters });
    expect(oauthRefusal(answer)).toBe('400 invalid_request');
  });

  it('accepts the type of a JWT, and that of an access token', async () => {
    for (const type of [ACCESS_TOKEN, 'urn:ietf:params:oauth:token-type:jwt'])
      expect((await acme.exchange('shop/api', adas, { ...STOCK, subject_token_type: type })).status).toBe(200);
    expect((await acme.exchange('shop/api', adas, { ...STOCK, requested_token_type: ACCESS_TOKEN })).status).toBe(200);
  });
});

describe('an actor token', () => {
  const withActor = async (token: string) => {
    const answer = await acme.exchange('shop/api', adas, {
      ...STOCK,
      actor_token: token,
      actor_token_type: ACCESS_TOKEN,
    });
    return answer.status === 200 ? 'accepted' : [oauthRefusal(answer), tessera.auditReason(answer.requestId)];
  };
  const notOwn = ['400 invalid_grant', 'actor token: it is not of the calling client'];

  it('is accepted if it is the calling client’s own', async () => {
    expect(await withActor(tokenOf(await acme.clientCredentials('shop/api')))).toBe('accepted');
  });

  it('is refused if it is another client’s', async () => {
    expect(await withActor(tokenOf(await acme.clientCredentials('shop/stock')))).toEqual(notOwn);
  });

  it('is refused if another client got it by an exchange', async () => {
    const own = tokenOf(await acme.clientCredentials('shop/api'));
    expect(await withActor(tokenOf(await acme.exchange('shop/narrow', own, STOCK)))).toEqual(notOwn);
  });

  it('is refused if it is a user’s', async () => {
    expect(await withActor(adas)).toEqual(['400 invalid_grant', 'actor token: surface: not accepted here']);
  });
});

describe('a token of an exchange', () => {
  it('is refused at oidcToken, as bearer and as subject token', async () => {
    const token = tokenOf(await acme.exchange('shop/api', adas, STOCK));
    const own = { authorization: `Bearer ${adas}` };
    const [asBearer, asSubject] = [
      await tessera.post('/auth/user/oidcToken', { oidc_token: 'x.y.z' }, { authorization: `Bearer ${token}` }),
      await tessera.post('/auth/user/oidcToken', { oidc_token: token }, own),
    ];
    expect([asBearer.status, asSubject.status]).toEqual([401, 401]);
    expect(tessera.auditReason(asBearer.requestId)).toBe('bearer: it came from an exchange');
    expect(tessera.auditReason(asSubject.requestId)).toBe('the subject token is refused: it is one of ours');
  });

  it('keeps its actors at introspection', async () => {
    const answer = await acme.exchange('shop/api', adas, STOCK);
    const { body } = await tessera.postForm(
      '/tenants/acme/introspect',
      { token: tokenOf(answer) },
      acme.header('shop/stock'),
    );
    expect(body).toMatchObject({ active: true, act: claimsOf(answer)['act'], root: decoded(adas).jti });
  });
});

function decoded(token: string): Record<string, unknown> & { readonly exp: number; readonly jti: string } {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as never;
}
