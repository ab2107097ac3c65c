import { assertionForm, JWT_BEARER } from '../../../src/testing/caller-fixture.ts';
import { providerKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';
import type { TokenFormDto } from '../../../src/token-endpoint/token-form.dto.ts';
import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import { basic } from '../../support/requests/basic-credentials.ts';
import {
  ACCESS_TOKEN,
  GRANTS,
  oauthRefusal,
  type Parameters,
  TokenEndpointUser,
} from '../../support/requests/token-endpoint.ts';
import { sendRaw } from '../../support/requests/raw-http.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

const KEY = providerKey('k1');
/** With clients that cannot authenticate, each for another reason. */
function tenantsFile(): string {
  const client = (id: string, members: string) =>
    `          - { id: ${id}, surfaces: [user], scopes: unbounded, subjects: any, ${members} }\n`;
  const closed = `      - id: closed\n        status: disabled\n        clients:\n${client('late', 'status: active')}`;
  const backs = [
    client('gone', 'status: disabled'),
    client('signer', `service: { roles: [] }, keys: [${JSON.stringify(KEY.jwk)}]`),
    client('kiosk', 'policy: { secretless: { networks: [127.0.0.0/8] } }'),
  ].join('');
  const scopes = '    scopes:\n';
  return chainTenants({ [scopes]: backs + closed + scopes }).replace('active # of globex', 'suspended # of globex');
}

let tessera: TestTesseraServer;
let acme: TokenEndpointUser;
let forms: Readonly<Record<keyof typeof GRANTS, Parameters>>;
beforeAll(async () => {
  tessera = await startTessera({ tenantsFile: tenantsFile() });
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

const TWICE = 'A parameter of the form is there twice.';
const EMPTY = 'A parameter of the form has no value.';
/** A value for each parameter of the form. One that its grant does not take is refused in another way when it is there once. */
const VALUES: Readonly<Record<keyof TokenFormDto, string>> = {
  grant_type: GRANTS.clientCredentials,
  scope: 'orders:read',
  audience: 'stock-api',
  resource: 'https://stock.example/v1',
  client_id: 'shop/api',
  client_secret: 'x',
  client_assertion_type: JWT_BEARER,
  client_assertion: 'a.b.c',
  subject_token: 'a.b.c',
  subject_token_type: ACCESS_TOKEN,
  actor_token: 'a.b.c',
  actor_token_type: ACCESS_TOKEN,
  requested_token_type: ACCESS_TOKEN,
  assertion: 'a.b.c',
};

const PATH = '/tenants/acme/token';
const post = (form: string | Record<string, string>, headers: Record<string, string> = acme.header('shop/api')) =>
  tessera.postForm(PATH, form, headers);

describe.each(['clientCredentials', 'tokenExchange', 'jwtBearer'] as const)('the form of %s', (grant) => {
  it('is accepted as it is', async () => {
    const answer = await post({ ...forms[grant] });
    if (grant === 'jwtBearer') expect(oauthRefusal(answer)).toBe('400 invalid_grant');
    else expect(answer.status).toBe(200);
  });

  it.each([...Object.keys(VALUES), 'x_unknown'])('is refused with %s twice, or without its value', async (name) => {
    const own = { ...forms[grant], client_id: 'shop/api', client_secret: tessera.secret('acme/shop/api') };
    const { [name]: value = VALUES[name as keyof typeof VALUES] ?? 'x', ...rest } = own as Record<string, string>;
    const form = new URLSearchParams(rest).toString();
    const [plain, escaped] = [name, `%${name.charCodeAt(0).toString(16)}${name.slice(1)}`];
    const pair = (written: string) => `${written}=${encodeURIComponent(value)}`;
    for (const [sent, description] of [
      [`${pair(plain)}&${form}&${pair(plain)}`, TWICE],
      [`${form}&${pair(plain)}&${plain}=another`, TWICE],
      [`${form}&${pair(plain)}&${pair(escaped)}`, TWICE],
      [`${pair(escaped)}&${form}&${pair(escaped)}`, TWICE],
      [`${form}&${plain}=`, EMPTY],
      [`${plain}&${form}`, EMPTY],
      [`${form}&${escaped}=`, EMPTY],
      [`${form}&${plain}=&${pair(plain)}`, EMPTY],
    ] as const) {
      const answer = await post(sent, {});
      expect([sent, oauthRefusal(answer), answer.body['error_description']]).toEqual([
        sent,
        '400 invalid_request',
        description,
      ]);
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
    'options',
    'request_context',
    'request_details',
    'requested_token_use',
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
    expect(answer.refusal()).toMatchObject({ status: 405, error: 'method_not_allowed' });
    expect(answer.headers.get('allow')).toBe('POST, OPTIONS');
  });

  it('is a 431 in the form of all others with too large headers', async () => {
    const head = `POST ${PATH} HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(17 * 1024)}\r\n\r\n`;
    const { status, headers } = await sendRaw(Number(new URL(tessera.url).port), head);
    expect([status, headers['content-type']]).toEqual([431, 'application/problem+json']);
  });

  it('reads no parameter from its address', async () => {
    const answer = await tessera.postForm(`${PATH}?grant_type=client_credentials`, {}, acme.header('shop/api'));
    expect(oauthRefusal(answer)).toBe('400 invalid_request');
  });
});

/** What a client sends to authenticate: a header, parameters of the form, or neither. */
interface Credentials {
  readonly tenant?: string;
  readonly authorization?: string;
  readonly form?: Parameters;
}

/** Assertions of the client that has no secret. */
let made = 0;
function signed(changes: Readonly<Record<string, unknown>> = {}): string {
  const now = Math.floor(tessera.clock.nowMs() / 1000);
  const [iss, aud] = ['back/signer', `${tessera.url}/tenants/acme`];
  const claims = { iss, sub: iss, aud, iat: now, exp: now + 60, jti: `j-${++made}`, ...changes };
  return writeSubjectToken({ key: KEY, claims });
}

describe('a client that does not authenticate', () => {
  const form = { grant_type: 'client_credentials' };
  it.each<[name: string, reason: string, request: () => Credentials | Promise<Credentials>]>([
    ['is unknown', 'unknown project or client', () => basic('shop/nobody', 'x')],
    ['is of an unknown project', 'unknown project or client', () => basic('nowhere/api', 'x')],
    [
      'has a name that two projects have',
      'several projects have a client of that id: name the project',
      () => basic('web', tessera.secret('acme/shop/web')),
    ],
    ['is disabled', 'the client is disabled', () => acme.header('back/gone')],
    ['is of a disabled project', 'the project is disabled', () => acme.header('closed/late')],
    [
      'is of a suspended tenant',
      'the tenant is suspended',
      () => ({ tenant: 'globex', ...basic('shop/api', tessera.secret('globex/shop/api')) }),
    ],
    [
      'has keys and no secret',
      'the client has no secret: it authenticates by assertions',
      () => basic('back/signer', 'x'),
    ],
    [
      'is authenticated by its network elsewhere',
      'the client is secretless: this endpoint requires credentials',
      () => basic('back/kiosk', 'x'),
    ],
    ['sends a wrong secret', 'the secret does not match', () => basic('shop/api', 'wrong')],
    [
      'sends the secret of another client',
      'the secret does not match',
      () => basic('shop/api', tessera.secret('acme/shop/stock')),
    ],
    [
      'sends the secret of the client of that name in another tenant',
      'the secret does not match',
      () => basic('shop/api', tessera.secret('globex/shop/api')),
    ],
    ['sends an empty secret', 'the secret does not match', () => basic('shop/api', '')],
    ['sends nothing', 'client: there are no credentials', () => ({})],
    ['sends its name only', 'client: there are no credentials', () => ({ form: { client_id: 'shop/api' } })],
    ['sends a malformed name', 'client: not the id of a client', () => basic('a/b/c', 'x')],
    ['sends a bearer', 'client: not one Basic header', () => ({ authorization: 'Bearer abc' })],
    [
      'sends two headers of one scheme in one',
      'client: not one Basic header',
      () => ({ authorization: 'Basic YTpi, Basic YTpi' }),
    ],
    [
      'sends an assertion for another audience',
      'the client assertion is refused: its aud is not the issuer of this tenant, as one text',
      () => ({ form: assertionForm(signed({ aud: tessera.url + PATH })) }),
    ],
    [
      'sends an assertion again',
      'the client assertion is refused: it was used before',
      async () => {
        const again = assertionForm(signed());
        expect((await post({ ...form, ...again }, {})).status).toBe(200);
        return { form: again };
      },
    ],
  ])('gets the one body if it %s', async (_, reason, request) => {
    const { authorization, form: credentials, tenant = 'acme' } = await request();
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const answer = await tessera.postForm(`/tenants/${tenant}/token`, { ...form, ...credentials }, headers);
    expect(oauthRefusal(answer)).toBe('401 invalid_client');
    expect(answer.body).toEqual({
      error: 'invalid_client',
      error_description: 'The client could not be authenticated.',
      request_id: answer.requestId,
    });
    expect(answer.headers.get('www-authenticate') ?? '').toMatch(authorization === undefined ? /^$/ : /^Basic realm=/);
    expect(tessera.auditReason(answer.requestId)).toBe(reason);
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
