import Database from 'better-sqlite3';
import { decodeJwt } from 'jose';
import { basic } from '../../support/requests/basic-credentials.ts';
import { issuedToken } from '../../support/requests/attack-material.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';
import { TENANTS_FILE } from '../../support/fixtures/tenants-file.ts';
import { replaceOnce } from '../../../libs/token/test/replace-once.ts';

/** Introspection (RFC 7662) and revocation (RFC 7009): who may call them, how the caller authenticates, and the responses. */
const TWO_PROJECTS = replaceOnce(
  TENANTS_FILE,
  '      - id: closed\n',
  `      - id: billing
        name: Billing
        clients:
          - { id: cron, surfaces: [user], audience: shop-api, scopes: unbounded, subjects: any }
          - { id: reader, surfaces: [user], scopes: unbounded, subjects: any }
      - id: closed
`,
);
let tessera: TestTesseraServer;
beforeAll(async () => {
  tessera = await startTessera({ tenantsFile: TWO_PROJECTS });
});
afterAll(() => tessera.close());

const secretOf = (client: string) => tessera.secret(`acme/${client}`);
const web = () => basic('shop/web', secretOf('shop/web'));
type Endpoint = 'introspect' | 'revoke';
const ask = (endpoint: Endpoint, form: string | Record<string, string>, headers: Record<string, string> = {}) =>
  tessera.postForm(`/tenants/acme/${endpoint}`, form, headers);

async function isActive(token: string): Promise<unknown> {
  return (await ask('introspect', { token }, web())).body['active'];
}

describe('introspection', () => {
  it('returns the token’s content to a client of the project', async () => {
    const token = await issuedToken(tessera, 'user');
    const answer = await ask('introspect', { token, token_type_hint: 'refresh_token', later: 'ignored' }, web());
    expect(answer.body).toEqual({ ...decodeJwt(token), token_type: 'Bearer', active: true });
    expect((await ask('introspect', { token }, basic('shop/reader', secretOf('shop/reader')))).body['active']).toBe(
      true,
    );
  });

  it('shows nothing to a client of another project, also one whose audience is the same', async () => {
    const token = await issuedToken(tessera, 'user');
    const answer = await ask('introspect', { token }, basic('billing/cron', secretOf('billing/cron')));
    expect(answer.text).toBe('{"active":false}');
  });

  it('shows nothing to a client of another tenant, whose address is another', async () => {
    const token = await issuedToken(tessera, 'user');
    const globex = basic('shop/web', tessera.secret('globex/shop/web'));
    expect((await tessera.postForm('/tenants/globex/introspect', { token }, globex)).text).toBe('{"active":false}');
    expect((await ask('introspect', { token }, globex)).refusal().status).toBe(401);
  });

  it('finds an admin token active where one is asked for, and nowhere else', async () => {
    const token = await issuedToken(tessera, 'admin');
    expect(await isActive(token)).toBe(false);
    expect((await ask('introspect', { token, surface: 'admin' }, web())).body['active']).toBe(true);
    const user = await issuedToken(tessera, 'user');
    expect((await ask('introspect', { token: user, surface: 'admin' }, web())).body['active']).toBe(false);
    expect((await ask('introspect', { token, surface: 'root' }, web())).refusal().status).toBe(400);
  });
});

describe('revocation', () => {
  it('revokes the token, and no other, at every endpoint of this server once the response is sent', async () => {
    const token = await issuedToken(tessera, 'user');
    const other = await issuedToken(tessera, 'user');
    const answer = await ask('revoke', { token }, web());
    expect([answer.status, answer.text]).toEqual([200, '']);
    expect(await isActive(token)).toBe(false);
    expect((await tessera.post('/auth/user/verifyToken', { token })).refusal().status).toBe(401);
    for (const path of ['/auth/user/profile', '/auth/validate'])
      expect((await tessera.get(path, { authorization: `Bearer ${token}` })).refusal().status).toBe(401);
    expect(await isActive(other)).toBe(true);
  });

  it('and its record are one transaction: without the record nothing is revoked, and a repetition writes both', async () => {
    const token = await issuedToken(tessera, 'user');
    const control = new Database(`${tessera.config.dataDirectory}/control.sqlite`);
    control.exec(
      "CREATE TRIGGER refuse_record BEFORE INSERT ON audit_records WHEN NEW.outcome = 'revoked' BEGIN SELECT RAISE(ABORT, 'refused'); END",
    );
    expect((await ask('revoke', { token }, web())).status).toBe(503);
    await tessera.caughtUp();
    expect(await isActive(token)).toBe(true);
    control.exec('DROP TRIGGER refuse_record');
    control.close();
    const { status, requestId } = await ask('revoke', { token }, web());
    expect([status, await isActive(token)]).toEqual([200, false]);
    expect(tessera.auditRow(requestId)).toMatchObject({ outcome: 'revoked', token_id: decodeJwt(token).jti });
  });

  it('is recorded, with the token and the client that revoked it', async () => {
    const token = await issuedToken(tessera, 'admin');
    const { requestId } = await ask('revoke', { token }, web());
    expect(tessera.auditRow(requestId)).toMatchObject({
      outcome: 'revoked',
      tenant_id: 'acme',
      project_id: 'shop',
      client_id: 'web',
      subject_id: 'a-root',
      token_id: decodeJwt(token).jti,
      route: 'POST /tenants/:tenantId/revoke',
    });
  });

  it('of another client’s token is refused, and that of another project’s token does nothing', async () => {
    const token = await issuedToken(tessera, 'user');
    const answer = await ask('revoke', { token }, basic('shop/reader', secretOf('shop/reader')));
    expect(answer.refusal()).toMatchObject({ status: 400, error: 'unauthorized_client' });
    expect(tessera.auditRow(answer.requestId)).toMatchObject({ subject_id: 'u-ada', token_id: expect.any(String) });
    expect((await ask('revoke', { token }, basic('billing/cron', secretOf('billing/cron')))).status).toBe(200);
    expect(await isActive(token)).toBe(true);
  });

  it('of an invalid token is not an error, and is not stored', async () => {
    const before = (await tessera.get('/revocations')).body['sequence'];
    const token = await issuedToken(tessera, 'user');
    expect((await ask('revoke', { token }, web())).status).toBe(200);
    for (const dead of ['x', 'a.b.c', token, `${token}A`]) {
      const answer = await ask('revoke', { token: dead }, web());
      expect([answer.status, answer.text]).toEqual([200, '']);
    }
    expect((await tessera.get('/revocations')).body['sequence']).toBe(Number(before) + 1);
  });
});

describe.each<Endpoint>(['introspect', 'revoke'])('at %s a client', (endpoint) => {
  const token = 'a.b.c';

  it.each([
    ['in the header, by project and client', () => [{ token }, web()]],
    ['in the header, by client', () => [{ token }, basic('web', secretOf('shop/web'))]],
    [
      'in the header, the slash not encoded',
      () => [
        { token },
        { authorization: `Basic ${Buffer.from(`shop/web:${secretOf('shop/web')}`).toString('base64')}` },
      ],
    ],
    ['in the form', () => [{ token, client_id: 'shop/web', client_secret: secretOf('shop/web') }, {}]],
    ['in the header, and once more its name in the form', () => [{ token, client_id: 'shop/web' }, web()]],
  ] as [string, () => [Record<string, string>, Record<string, string>]][])(
    'accepts a secret %s',
    async (_name, make) => {
      const [form, headers] = make();
      expect((await ask(endpoint, form, headers)).status).toBe(200);
    },
  );

  it.each([
    ['without credentials', () => [{ token }, {}]],
    ['without a secret', () => [{ token, client_id: 'shop/web' }, {}]],
    ['with a wrong secret', () => [{ token }, basic('shop/web', 'wrong')]],
    ['with the secret of another client', () => [{ token }, basic('shop/web', secretOf('shop/reader'))]],
    ['that is unknown', () => [{ token }, basic('shop/nobody', secretOf('shop/web'))]],
    ['of another project', () => [{ token }, basic('billing/web', secretOf('shop/web'))]],
    ['whose name two projects have', () => [{ token }, basic('reader', secretOf('shop/reader'))]],
    ['that is disabled', () => [{ token }, basic('shop/gone', secretOf('shop/gone'))]],
    ['of a disabled project', () => [{ token }, basic('closed/late', secretOf('closed/late'))]],
    ['that is secretless at generateToken', () => [{ token, client_id: 'shop/kiosk', client_secret: '' }, {}]],
    ['with an id of invalid form', () => [{ token }, basic('../shop/web', secretOf('shop/web'))]],
    ['with a bearer', () => [{ token }, { authorization: `Bearer ${secretOf('shop/web')}` }]],
    ['with invalid base64', () => [{ token }, { authorization: `${web().authorization}*` }]],
    ['without a colon', () => [{ token }, { authorization: `Basic ${Buffer.from('shop/web').toString('base64')}` }]],
  ] as [string, () => [Record<string, string>, Record<string, string>]][])('is refused %s', async (_name, make) => {
    const [form, headers] = make();
    const answer = await ask(endpoint, form, headers);
    expect(answer.refusal()).toEqual({ status: 401, error: 'invalid_client', title: 'Unauthorized' });
    expect(answer.headers.get('www-authenticate')).toBe('Basic realm="tessera", charset="UTF-8"');
    expect(answer.body['detail']).toBe('The client could not be authenticated.');
    expect(tessera.auditRow(answer.requestId)).toMatchObject({ outcome: 'invalid_client', tenant_id: 'acme' });
  });

  it.each([
    ['with a secret in header and form', () => ({ token, client_id: 'shop/web', client_secret: secretOf('shop/web') })],
    ['with another name in the form', () => ({ token, client_id: 'shop/reader' })],
    ['without a token', () => ({ token_type_hint: 'access_token' })],
    ['with an empty token', () => ({ token: '' })],
    ['with the token twice', () => `token=${token}&token=${token}`],
    ['with a duplicate unknown parameter', () => `token=${token}&x=1&x=2`],
    ['with a name twice, once escaped', () => `token=${token}&%74oken=${token}`],
    ['with a broken escape', () => `token=${token}&x=%zz`],
    ['with bytes that are not UTF-8', () => `token=${token}&x=%ff`],
    ['with bytes that are not encoded', () => `token=${token}&x=é`],
  ] as [string, () => string | Record<string, string>][])('is refused 400 %s', async (_name, form) => {
    expect((await ask(endpoint, form(), web())).refusal()).toMatchObject({ status: 400, error: 'invalid_request' });
  });

  it.each([
    [
      { token: 'a', client_id: 'shop/web', client_secret: 'b' },
      'The client authenticates both in the Authorization header and in the form. Use one of the two.',
    ],
    [{ token: 'a', client_id: 'shop/reader' }, 'client_id names another client than the Authorization header.'],
    [{ token: '' }, 'token is missing.'],
    ['token=a&token=a', 'A parameter of the form is there twice.'],
  ])('says what is wrong with the form %j', async (form, detail) => {
    expect((await ask(endpoint, form, web())).body['detail']).toBe(detail);
  });

  it.each(['application/json', 'text/plain', 'multipart/form-data; boundary=x'])(
    'is refused 415 for %s',
    async (type) => {
      const answer = await ask(endpoint, '{"token":"a.b.c"}', { ...web(), 'content-type': type });
      expect(answer.refusal()).toMatchObject({ status: 415, error: 'unsupported_media_type' });
    },
  );

  it('gets a 404 for a tenant that is unknown or of invalid form', async () => {
    for (const tenant of ['nobody', 'ACME', '..%2facme'])
      expect((await tessera.postForm(`/tenants/${tenant}/${endpoint}`, { token }, web())).refusal()).toMatchObject({
        status: 404,
        error: 'route_not_found',
      });
  });

  it('is refused when its tenant is suspended', async () => {
    const headers = basic('shop/web', tessera.secret('initech/shop/web'));
    expect((await tessera.postForm(`/tenants/initech/${endpoint}`, { token }, headers)).refusal().status).toBe(401);
  });
});

it('counts wrong secrets with those of generateToken, and answers 429 with the right one too', async () => {
  const limited = await startTessera({ failuresPerMinute: 5 });
  try {
    const wrong = basic('shop/web', 'wrong');
    for (let attempt = 0; attempt < 5; attempt++)
      expect((await limited.postForm('/tenants/acme/introspect', { token: 'x' }, wrong)).refusal().status).toBe(401);
    const right = basic('shop/web', limited.secret('acme/shop/web'));
    const answer = await limited.postForm('/tenants/acme/introspect', { token: 'x' }, right);
    expect(answer.refusal()).toMatchObject({ status: 429, error: 'too_many_requests' });
    const mint = await limited.post('/auth/user/generateToken', {
      tenant_id: 'acme',
      project_id: 'shop',
      client_id: 'web',
      email_id: 'ada@acme.example',
      secret_id: limited.secret('acme/shop/web'),
    });
    expect(mint.refusal().status).toBe(429);
    const reader = basic('shop/reader', limited.secret('acme/shop/reader'));
    expect((await limited.postForm('/tenants/acme/introspect', { token: 'x' }, reader)).status).toBe(200);
  } finally {
    await limited.close();
  }
});

describe('requests that name no client', () => {
  let limited: TestTesseraServer;
  beforeAll(async () => {
    limited = await startTessera({ failuresPerMinute: 5 });
  });
  afterAll(() => limited.close());

  it.each(['introspect', 'revoke'])('at %s are limited, and do not lock out clients', async (endpoint) => {
    const anonymous = () => limited.postForm(`/tenants/acme/${endpoint}`, { token: 'x' });
    for (let attempt = 0; attempt < 5; attempt++) expect((await anonymous()).refusal().status).toBe(401);
    const rows = limited.auditRows();
    expect((await anonymous()).refusal()).toMatchObject({ status: 429, error: 'too_many_requests' });
    expect(limited.auditRows()).toBe(rows);
    const right = basic('shop/web', limited.secret('acme/shop/web'));
    for (const other of ['introspect', 'revoke'])
      expect((await limited.postForm(`/tenants/acme/${other}`, { token: 'x' }, right)).status).toBe(200);
  });

  it('or an unknown client do not lock out clients either', async () => {
    for (const client of ['nobody', 'shop/nobody']) {
      const wrong = basic(client, 'x');
      const ask = () => limited.postForm('/tenants/acme/introspect', { token: 'x' }, wrong);
      for (let attempt = 0; attempt < 5; attempt++) expect((await ask()).refusal().status).toBe(401);
      expect((await ask()).refusal().status).toBe(429);
    }
    const right = basic('web', limited.secret('acme/shop/web'));
    expect((await limited.postForm('/tenants/acme/introspect', { token: 'x' }, right)).status).toBe(200);
  });
});

it('accepts a form at no other route', async () => {
  for (const path of ['/auth/user/generateToken', '/auth/user/verifyToken', '/auth/validate/permissions']) {
    const headers = { authorization: `Bearer ${await issuedToken(tessera, 'user')}` };
    expect((await tessera.postForm(path, { token: 'x' }, headers)).refusal().status).toBe(415);
  }
});

it('keeps the caller’s secret and the token out of the log', () => {
  expect(tessera.log()).not.toContain(secretOf('shop/web'));
  expect(tessera.log()).not.toContain(Buffer.from(`shop%2Fweb:`).toString('base64').slice(0, 12));
});
