import { issuedToken } from '../../support/requests/attack-material.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** Ada has orders:read and orders:write, and so the resource orders; root has tenant:manage and no resource. */
let tessera: TestTesseraServer;
let user: string;
let admin: string;
beforeAll(async () => {
  tessera = await startTessera();
  user = await issuedToken(tessera, 'user');
  admin = await issuedToken(tessera, 'admin');
});
afterAll(() => tessera.close());

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const permissions = (body: unknown, token = user) => tessera.post('/auth/validate/permissions', body, bearer(token));

it.each([
  '/auth/validate',
  '/auth/validate/scope?scope=orders:read',
  '/auth/validate/scope?scope=orders:read%20orders:write',
  '/auth/validate/resource?resource=orders',
])('accepts at %s a token that has it', async (path) => {
  const answer = await tessera.get(path, bearer(user));
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject({ valid: true, surface: 'user', tenant_id: 'acme', email_id: 'Ada@acme.example' });
});

it('accepts a permission if the token has both parts', async () => {
  expect((await permissions({ scope: 'orders:read', resource: 'orders' })).body).toMatchObject({ valid: true });
});

it.each([
  ['/auth/validate/scope?scope=stock:read', { scopes: ['stock:read'], resources: [] }, ', scope="stock:read"'],
  [
    '/auth/validate/scope?scope=orders:read%20stock:read',
    { scopes: ['orders:read', 'stock:read'], resources: [] },
    ', scope="orders:read stock:read"',
  ],
  ['/auth/validate/resource?resource=stock', { scopes: [], resources: ['stock'] }, ''],
])('refuses at %s a token that lacks it, and lists what it has', async (path, required, scope) => {
  const answer = await tessera.get(path, bearer(user));
  expect(answer.status).toBe(403);
  expect(answer.body).toMatchObject({
    status: 403,
    error: 'forbidden',
    required,
    granted: { scopes: ['orders:read', 'orders:write'], resources: ['orders'] },
  });
  expect(answer.headers.get('www-authenticate')).toBe(`Bearer realm="tessera", error="insufficient_scope"${scope}`);
});

it.each([
  { scope: 'orders:read', resource: 'stock' },
  { scope: 'stock:read', resource: 'orders' },
])('refuses the permission %j, of which the token has one part', async (body) => {
  const answer = await permissions(body);
  expect([answer.status, answer.body['required']]).toEqual([403, { scopes: [body.scope], resources: [body.resource] }]);
});

describe('of the two surfaces', () => {
  it('accepts the user surface where none was named, and not the admin surface', async () => {
    expect((await tessera.get('/auth/validate', bearer(user))).status).toBe(200);
    expect((await tessera.get('/auth/validate', bearer(admin))).refusal().status).toBe(401);
    expect((await tessera.get('/auth/validate?surface=user', bearer(admin))).refusal().status).toBe(401);
  });

  it('accepts the admin surface where it was named, and not the user surface', async () => {
    expect((await tessera.get('/auth/validate?surface=admin', bearer(admin))).body).toMatchObject({ surface: 'admin' });
    expect((await tessera.get('/auth/validate?surface=admin', bearer(user))).refusal().status).toBe(401);
    expect((await tessera.get('/auth/validate/scope?surface=admin&scope=tenant:manage', bearer(admin))).status).toBe(
      200,
    );
  });

  it.each(['root', 'admin&surface=user', '', 'Admin'])('rejects surface=%s', async (surface) => {
    const answer = await tessera.get(`/auth/validate?surface=${surface}`, bearer(user));
    expect(answer.refusal()).toMatchObject({ status: 400, error: 'invalid_request' });
  });
});

it.each([
  '/auth/validate/scope',
  '/auth/validate/scope?scope=',
  '/auth/validate/scope?scope=a&scope=b',
  '/auth/validate/scope?scope=a%20%20b',
  '/auth/validate/scope?scope=%22',
  '/auth/validate/resource',
  '/auth/validate/resource?resource=%0d%0aX-Evil:1',
])('rejects %s, which names nothing that a token could have', async (path) => {
  expect((await tessera.get(path, bearer(user))).refusal()).toMatchObject({ status: 400, error: 'invalid_request' });
});

it.each([{}, { scope: 'orders:read' }, { scope: 1, resource: 'orders' }, { scope: 'a', resource: 'b', more: 1 }, []])(
  'rejects the permission %j',
  async (body) => {
    expect((await permissions(body)).refusal()).toMatchObject({ status: 400, error: 'invalid_request' });
  },
);

it.each(['/auth/validate', '/auth/validate/scope?scope=orders:read', '/auth/validate/resource?resource=orders'])(
  'answers 401 at %s without a token or with a wrong one',
  async (path) => {
    for (const headers of [{}, bearer('a.b.c'), bearer(`${user.slice(0, -4)}AAAA`)]) {
      const answer = await tessera.get(path, headers);
      expect(answer.refusal()).toMatchObject({ status: 401, error: 'unauthorized' });
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="tessera"');
    }
    expect((await permissions({ scope: 'orders:read', resource: 'orders' }, 'a.b.c')).refusal().status).toBe(401);
  },
);
