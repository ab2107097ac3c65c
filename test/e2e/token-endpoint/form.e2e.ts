import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import { basic } from '../../support/requests/basic-credentials.ts';
import {
  ACCESS_TOKEN,
  GRANTS,
  oauthRefusal,
  type Parameters,
  TokenEndpointUser,
} from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

let tessera: TestTesseraServer;
let acme: TokenEndpointUser;
let forms: Readonly<Record<keyof typeof GRANTS, Parameters>>;
beforeAll(async () => {
  tessera = await startTessera({ tenantsFile: chainTenants() });
  acme = new TokenEndpointUser(tessera);
  forms = {
    clientCredentials: { grant_type: GRANTS.clientCredentials, audience: 'stock-api', scope: 'orders:read' },
    tokenExchange: {
      grant_type: GRANTS.tokenExchange,
      subject_token: await acme.userToken('ada@acme.example'),
      subject_token_type: ACCESS_TOKEN,
      audience: 'stock-api',
      scope: 'orders:read',
    },
    // Its tests are jwt-bearer's own. Here it never gets beyond its form.
    jwtBearer: { grant_type: GRANTS.jwtBearer, assertion: 'a.b.c' },
  };
});
afterAll(() => tessera.close());

const PATH = '/tenants/acme/token';
const post = (form: string | Record<string, string>, headers: Record<string, string> = acme.header('shop/api')) =>
  tessera.postForm(PATH, form, headers);

describe.each(['clientCredentials', 'tokenExchange', 'jwtBearer'] as const)('the form of %s', (grant) => {
  it('is accepted as it is', async () => {
    const answer = await post({ ...forms[grant] });
    if (grant === 'jwtBearer') expect(oauthRefusal(answer)).toBe('400 invalid_grant');
    else expect(answer.status).toBe(200);
  });

  it('is refused with any parameter twice, or without its value', async () => {
    const form = { ...forms[grant], client_id: 'shop/api', client_secret: tessera.secret('acme/shop/api') };
    for (const name of Object.keys(form)) {
      const text = new URLSearchParams(form as Record<string, string>).toString();
      const twice = await post(`${text}&${name}=${encodeURIComponent(form[name as keyof typeof form])}`, {});
      expect([name, oauthRefusal(twice)]).toEqual([name, '400 invalid_request']);
      const without = await post(new URLSearchParams({ ...form, [name]: '' } as Record<string, string>).toString(), {});
      expect([name, oauthRefusal(without)]).toEqual([name, '400 invalid_request']);
    }
  });

  it('may have parameters that nobody knows', async () => {
    const answer = await post({ ...forms[grant], x_trace: '1', constructor: 'x', __proto__x: 'y' });
    expect(answer.status).toBe(grant === 'jwtBearer' ? 400 : 200);
    if (grant === 'jwtBearer') expect(oauthRefusal(answer)).toBe('400 invalid_grant');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  it.each([
    'authorization_details',
    'claims',
    'request',
    'request_uri',
    'code',
    'refresh_token',
    'username',
    'password',
    'dpop_jkt',
    'requested_subject',
    'nonce',
  ])('is refused with %s, which would change what is asked for', async (name) => {
    expect(oauthRefusal(await post({ ...forms[grant], [name]: 'x' }))).toBe('400 invalid_request');
  });

  it('is refused with the parameters of another grant', async () => {
    for (const [name, owner] of [
      ['assertion', 'jwtBearer'],
      ['subject_token', 'tokenExchange'],
      ['actor_token', 'tokenExchange'],
      ['requested_token_type', 'tokenExchange'],
    ] as const) {
      if (owner === grant) continue;
      expect([name, oauthRefusal(await post({ ...forms[grant], [name]: 'x' }))]).toEqual([name, '400 invalid_request']);
    }
  });
});

describe('a request of the token endpoint', () => {
  it.each<[string, string | Record<string, string>, string]>([
    ['without a grant type', { scope: 'orders:read' }, '400 invalid_request'],
    ['without anything', '', '400 invalid_request'],
    ['of a password grant', { grant_type: 'password', username: 'a', password: 'b' }, '400 unsupported_grant_type'],
    ['of a grant in another case', { grant_type: 'Client_Credentials' }, '400 unsupported_grant_type'],
    ['of the prototype of objects', { grant_type: '__proto__' }, '400 unsupported_grant_type'],
    ['with invalid escapes', 'grant_type=%zz', '400 invalid_request'],
    ['with bytes that are not UTF-8', 'grant_type=%ff', '400 invalid_request'],
    [
      'with 33 parameters',
      Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`p${n}`, 'x'])),
      '400 invalid_request',
    ],
  ])('is refused %s', async (_, form, refusal) => {
    expect(oauthRefusal(await post(form))).toBe(refusal);
  });

  it('is refused as JSON, and in another encoding', async () => {
    const json = await tessera.post(PATH, { grant_type: 'client_credentials' }, acme.header('shop/api'));
    expect(oauthRefusal(json)).toBe('415 unsupported_media_type');
    const type = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-16' };
    expect(oauthRefusal(await post('grant_type=client_credentials', { ...acme.header('shop/api'), ...type }))).toBe(
      '415 unsupported_media_type',
    );
    const gzip = { 'content-encoding': 'gzip' };
    expect(oauthRefusal(await post('grant_type=client_credentials', { ...acme.header('shop/api'), ...gzip }))).toBe(
      '415 unsupported_media_type',
    );
  });

  it('may have 16 KiB and no more', async () => {
    const form = new URLSearchParams({ grant_type: 'client_credentials', x: '' }).toString();
    const room = 16 * 1024 - form.length;
    expect((await post(form + 'a'.repeat(room))).status).toBe(200);
    const answer = await post(form + 'a'.repeat(room + 1));
    expect(oauthRefusal(answer)).toBe('413 payload_too_large');
    expect(answer.body['error_description']).toBe('The request body is larger than 16 KiB.');
  });

  it('is a 404 in the form of all others where there is no such tenant', async () => {
    for (const tenant of ['nowhere', 'ACME', 'acme%2f', 'a.b']) {
      const answer = await tessera.postForm(
        `/tenants/${tenant}/token`,
        { grant_type: 'client_credentials' },
        acme.header('shop/api'),
      );
      expect(answer.refusal()).toMatchObject({ status: 404, error: 'route_not_found' });
    }
  });

  it('is a 405 for other methods', async () => {
    const answer = await tessera.get(PATH);
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
  });

  it('reads no parameter from its address', async () => {
    const answer = await tessera.postForm(`${PATH}?grant_type=client_credentials`, {}, acme.header('shop/api'));
    expect(oauthRefusal(answer)).toBe('400 invalid_request');
  });
});

describe('a client that does not authenticate', () => {
  const form = { grant_type: 'client_credentials' };
  const attempts: readonly [string, () => Promise<Awaited<ReturnType<typeof post>>>][] = [
    ['unknown', () => post(form, basic('shop/nobody', 'x'))],
    ['of an unknown project', () => post(form, basic('nowhere/api', 'x'))],
    ['with a wrong secret', () => post(form, basic('shop/api', 'wrong'))],
    ['with the secret of another client', () => post(form, basic('shop/api', tessera.secret('acme/shop/stock')))],
    [
      'with the secret of the client of that name in another tenant',
      () => post(form, basic('shop/api', tessera.secret('globex/shop/api'))),
    ],
    ['with an empty secret', () => post(form, basic('shop/api', ''))],
    ['without anything', () => post(form, {})],
    ['by name only', () => post({ ...form, client_id: 'shop/api' }, {})],
    ['with a malformed name', () => post(form, basic('a/b/c', 'x'))],
    ['by a bearer', () => post(form, { authorization: 'Bearer abc' })],
    ['with two headers of one scheme in one', () => post(form, { authorization: 'Basic YTpi, Basic YTpi' })],
  ];

  it('gets one body, whatever is wrong', async () => {
    const bodies = new Set<string>();
    for (const [name, attempt] of attempts) {
      const answer = await attempt();
      expect([name, oauthRefusal(answer)]).toEqual([name, '401 invalid_client']);
      const isByHeader = !name.startsWith('without') && !name.startsWith('by name');
      expect(answer.headers.get('www-authenticate') ?? '').toMatch(isByHeader ? /^Basic realm=/ : /^$/);
      bodies.add(JSON.stringify({ ...answer.body, request_id: '' }));
    }
    expect(bodies.size).toBe(1);
  });

  it.each<[string, Record<string, string>, (secret: string) => Record<string, string>]>([
    ['a header and a secret in the form', { client_secret: 'x' }, (secret) => basic('shop/api', secret)],
    [
      'a header and an assertion',
      { client_assertion: 'a.b.c', client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' },
      (secret) => basic('shop/api', secret),
    ],
    [
      'a secret and an assertion',
      {
        client_id: 'shop/api',
        client_secret: 'x',
        client_assertion: 'a.b.c',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      },
      () => ({}),
    ],
    ['another client in the form', { client_id: 'shop/stock' }, (secret) => basic('shop/api', secret)],
  ])('is an invalid request with %s', async (_, parameters, headers) => {
    const answer = await post({ ...form, ...parameters }, headers(tessera.secret('acme/shop/api')));
    expect(oauthRefusal(answer)).toBe('400 invalid_request');
  });
});
