import { join } from 'node:path';
import Database from 'better-sqlite3';
import { createVerifier } from '@tessera/token';
import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import { basic } from '../../support/requests/basic-credentials.ts';
import { claimsOf, oauthRefusal, TokenEndpointUser, tokenOf } from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

let tessera: TestTesseraServer;
let acme: TokenEndpointUser;
beforeAll(async () => {
  tessera = await startTessera({ tenantsFile: chainTenants() });
  acme = new TokenEndpointUser(tessera);
});
afterAll(() => tessera.close());

describe('client_credentials', () => {
  it('gives a client a token of its own, with its roles from the tenant’s database', async () => {
    const answer = await acme.clientCredentials('shop/api');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toEqual({
      access_token: expect.any(String),
      expires_in: 900,
      token_type: 'Bearer',
      scope: 'mail:send orders:read orders:write stock:count',
    });
    const claims = claimsOf(answer);
    expect(claims).toEqual({
      iss: `${tessera.url}/tenants/acme`,
      sub: 'client:shop/api',
      aud: 'shop-api',
      client_id: 'api',
      iat: expect.any(Number),
      exp: claims.iat! + 900,
      jti: expect.any(String),
      scope: answer.body['scope'],
      roles: ['manager', 'robot'],
      groups: [],
      resources: ['mail', 'orders', 'stock'],
      tenant_id: 'acme',
      project_id: 'shop',
      surface: 'service',
    });
  });

  it('is a token that verifiers accept only if they ask for services', async () => {
    const token = tokenOf(await acme.clientCredentials('shop/api'));
    const options = { baseUrl: tessera.url, tenants: ['acme'], audience: 'shop-api', nowSeconds: nowOfServer } as const;
    const [usual, forServices] = [createVerifier(options), createVerifier({ ...options, surfaces: ['service'] })];
    await expect(usual.verify(token)).rejects.toMatchObject({ code: 'TOKEN_CLAIM_INVALID', claim: 'surface' });
    const verified = await forServices.verify(token);
    expect(verified).toMatchObject({ subject: 'client:shop/api', surface: 'service', actors: [] });
    expect(verified.email).toBeUndefined();
    usual.close();
    forServices.close();
  });

  it.each([
    ['in the form', (secret: string) => [{ client_id: 'shop/api', client_secret: secret }, {}] as const],
    ['in the header', (secret: string) => [{}, basic('shop/api', secret)] as const],
    ['by its id alone, where one project has it', (secret: string) => [{}, basic('api', secret)] as const],
    [
      'in the header, and named again in the form',
      (secret: string) => [{ client_id: 'api' }, basic('api', secret)] as const,
    ],
  ])('accepts a client %s', async (_, credentials) => {
    const [form, headers] = credentials(tessera.secret('acme/shop/api'));
    const parameters = { grant_type: 'client_credentials', ...form };
    expect((await tessera.postForm('/tenants/acme/token', parameters, headers)).status).toBe(200);
  });

  it('refuses a client id that two projects have', async () => {
    const secret = tessera.secret('acme/shop/web');
    const answer = await tessera.postForm(
      '/tenants/acme/token',
      { grant_type: 'client_credentials' },
      basic('web', secret),
    );
    expect(oauthRefusal(answer)).toBe('401 invalid_client');
    expect(tessera.auditReason(answer.requestId)).toBe('several projects have a client of that id: name the project');
    expect(tokenOf(await acme.clientCredentials('shop/web'))).toBeTruthy();
    expect(claimsOf(await acme.clientCredentials('back/web'))).toMatchObject({
      sub: 'client:back/web',
      aud: 'back-api',
    });
  });

  it('refuses a client without the surface', async () => {
    const answer = await acme.clientCredentials('shop/mute');
    expect(oauthRefusal(answer)).toBe('400 unauthorized_client');
    expect(tessera.auditReason(answer.requestId)).toBe('the client has no tokens of its own');
  });

  it('cuts the scopes to the bound of the client', async () => {
    expect(claimsOf(await acme.clientCredentials('shop/narrow'))).toMatchObject({
      scope: 'orders:read',
      roles: ['robot'],
      resources: ['orders'],
    });
  });
});

describe('scope', () => {
  it('narrows the token, with its resources', async () => {
    const answer = await acme.clientCredentials('shop/api', { scope: 'stock:count orders:read' });
    expect(answer.body['scope']).toBe('orders:read stock:count');
    expect(claimsOf(answer)).toMatchObject({ scope: 'orders:read stock:count', resources: ['orders', 'stock'] });
  });

  it.each([
    ['one that the client does not have', 'orders:read admin:all'],
    ['one beyond the bound of the client', 'stock:count', 'shop/narrow'],
    ['two spaces', 'orders:read  orders:write'],
    ['a space at the end', 'orders:read '],
    ['a tab', 'orders:read\torders:write'],
    ['a quote', 'orders:"read"'],
    ['another letter', 'örders:read'],
  ])('is refused with %s', async (_, scope, client = 'shop/api') => {
    expect(oauthRefusal(await acme.clientCredentials(client, { scope }))).toBe('400 invalid_scope');
  });

  it('has no meaning in its order or number', async () => {
    const answer = await acme.clientCredentials('shop/api', { scope: 'orders:write orders:read orders:write' });
    expect(answer.body['scope']).toBe('orders:read orders:write');
  });
});

describe('audience and resource', () => {
  it.each([
    ['audience', 'stock-api'],
    ['audience', 'shop-api'],
    ['audience', 'https://stock.example/v1'],
    ['resource', 'https://stock.example/v1'],
  ])('%s chooses %s', async (name, value) => {
    expect(claimsOf(await acme.clientCredentials('shop/api', { [name]: value }))['aud']).toBe(value);
  });

  it.each([
    ['an audience of another client', { audience: 'ledger-api' }],
    ['an audience in another case', { audience: 'Stock-api' }],
    ['what it may exchange for', { audience: 'mail-api' }],
    ['the management API', { audience: 'urn:tessera:manage' }],
    ['the management API as a resource', { resource: 'urn:tessera:manage' }],
    ['a resource that is not absolute', { resource: '/v1' }],
    ['a resource with a fragment', { resource: 'https://stock.example/v1#top' }],
    ['a resource with a slash more', { resource: 'https://stock.example/v1/' }],
    ['a resource that is a name', { resource: 'stock-api' }],
  ])('refuse %s', async (_, parameters) => {
    expect(oauthRefusal(await acme.clientCredentials('shop/api', parameters as Record<string, string>))).toBe(
      '400 invalid_target',
    );
  });

  it('are refused together', async () => {
    const both = { audience: 'stock-api', resource: 'https://stock.example/v1' };
    expect(oauthRefusal(await acme.clientCredentials('shop/api', both))).toBe('400 invalid_request');
  });
});

describe('a service', () => {
  it('loses its tokens with the surface, a role and its status', async () => {
    const without = async (from: string, to: string) => {
      await tessera.apply(chainTenants({ [from]: to }));
      await tessera.caughtUp();
      // A surface that is taken away is revoked, and a revocation takes a moment to take effect.
      tessera.clock.jumpAheadOfSystem(5);
    };
    await without('service: { roles: [robot, manager] }', 'service: { roles: [robot] }');
    expect(claimsOf(await acme.clientCredentials('shop/api'))).toMatchObject({
      roles: ['robot'],
      scope: 'orders:read stock:count',
    });
    await without('service: { roles: [robot, manager] }', 'service: null');
    expect(oauthRefusal(await acme.clientCredentials('shop/api'))).toBe('400 unauthorized_client');
    await without('id: api, status: active', 'id: api, status: disabled');
    expect(oauthRefusal(await acme.clientCredentials('shop/api'))).toBe('401 invalid_client');
    await without('status: active # of shop', 'status: disabled');
    expect(oauthRefusal(await acme.clientCredentials('shop/api'))).toBe('401 invalid_client');
    await without('status: active # of acme', 'status: suspended');
    expect(oauthRefusal(await acme.clientCredentials('shop/api'))).toBe('401 invalid_client');
    await tessera.apply(chainTenants());
    await tessera.caughtUp();
    // Its removal revoked its tokens. New ones are issued when the time in `before` has passed.
    tessera.clock.jumpAheadOfSystem(3);
    expect((await acme.clientCredentials('shop/api')).status).toBe(200);
  });

  it('is not a user whose row somebody wrote with its id', async () => {
    const database = new Database(join(tessera.config.dataDirectory, 'tenants', 'acme.sqlite'));
    database
      .prepare(
        "INSERT INTO tessera_users (id, email, email_canonical, status) VALUES ('client:shop/web', 'w@acme.example', 'w@acme.example', 'active')",
      )
      .run();
    database.prepare("INSERT INTO tessera_user_roles (user_id, role_name) VALUES ('client:shop/web', 'manager')").run();
    database.close();
    tessera.clock.advanceSeconds(60);
    const answer = await tessera.post('/auth/user/generateToken', {
      tenant_id: 'acme',
      project_id: 'shop',
      client_id: 'web',
      email_id: 'w@acme.example',
      secret_id: tessera.secret('acme/shop/web'),
    });
    expect(answer.status).toBe(401);
    expect(tessera.auditReason(answer.requestId)).toBe('the id of the subject is not one that a subject may have');
    // The client's own token has nothing of it.
    expect(claimsOf(await acme.clientCredentials('shop/web'))).toMatchObject({ roles: ['robot'] });
  });

  it('is not an administrator whose row somebody wrote with its id', async () => {
    const database = new Database(join(tessera.config.dataDirectory, 'control.sqlite'));
    const insert = database.prepare(
      "INSERT INTO administrators VALUES ('acme', ?, ?, ?, 'active', '[]', '[\"tenant:manage\"]')",
    );
    for (const [id, email] of [
      ['client:shop/web', 'w@acme.example'],
      ['a-web', 'v@acme.example'],
    ])
      insert.run(id, email, email);
    database.close();
    // The maximum age of a tenant in memory.
    tessera.clock.advanceSeconds(60);
    const asked = (email: string) =>
      tessera.post('/auth/admin/generateToken', {
        tenant_id: 'acme',
        project_id: 'shop',
        client_id: 'web',
        email_id: email,
        secret_id: tessera.secret('acme/shop/web'),
      });
    const answer = await asked('w@acme.example');
    expect(answer.refusal()).toEqual({ status: 401, error: 'unauthorized', title: 'Unauthorized' });
    expect(tessera.auditReason(answer.requestId)).toBe('the id of the subject is not one that a subject may have');
    expect(claimsOf(await asked('v@acme.example'))).toMatchObject({ sub: 'a-web', scope: 'tenant:manage' });
  });

  it('is recorded with the grant and the audience', async () => {
    const answer = await acme.clientCredentials('shop/api', { audience: 'stock-api' });
    const { details, subject_id: subject, outcome, client_id: client } = tessera.auditRow(answer.requestId);
    expect({ subject, outcome, client }).toEqual({ subject: 'client:shop/api', outcome: 'issued', client: 'api' });
    expect(JSON.parse(details as string)).toEqual({ grant: 'client_credentials', audience: 'stock-api' });
  });
});

function nowOfServer(): number {
  return Math.floor(tessera.clock.nowMs() / 1000);
}
