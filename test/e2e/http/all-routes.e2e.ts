import { ROUTE_TABLE, type RouteAccess, type RouteRow } from '../../../src/http/routes/route-table.ts';
import { readAnswer } from '../../support/requests/answer.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** Every route, requested by every kind of caller. The walk covers new rows without a change here. */
let tessera: TestTesseraServer;
let bearers: Record<Caller, string | undefined>;
beforeAll(async () => {
  tessera = await startTessera({
    env: { TESSERA_TRUSTED_PROXIES: '127.0.0.1,::1', TESSERA_METRICS_NETWORKS: '192.0.2.0/24' },
  });
  const user = await tokenOf('user', 'acme', 'ada@acme.example');
  bearers = {
    nobody: undefined,
    'a caller with an invented token': 'Bearer eyJ0eXAiOiJhdCtqd3QifQ.e30.c2ln',
    'a user whose token was revoked': `Bearer ${user}`,
    'a user': `Bearer ${await tokenOf('user', 'acme', 'ada@acme.example')}`,
    'a user of another tenant': `Bearer ${await tokenOf('user', 'globex', 'gus@globex.example')}`,
    'an administrator': `Bearer ${await tokenOf('admin', 'acme', 'root@acme.example')}`,
  };
  const jti = (JSON.parse(Buffer.from(user.split('.')[1]!, 'base64url').toString()) as { jti: string }).jti;
  await tessera.cli(['revoke', '--jti', `acme/${jti}`]);
  await tessera.caughtUp();
});
afterAll(() => tessera.close());

const CALLERS = [
  'nobody',
  'a caller with an invented token',
  'a user whose token was revoked',
  'a user',
  'a user of another tenant',
  'an administrator',
] as const;
type Caller = (typeof CALLERS)[number];

/** Which callers each kind of access lets past the edge. `asked` admits users, because the walk names no surface. */
const LETS_IN: Readonly<Record<RouteAccess, readonly Caller[]>> = {
  public: CALLERS,
  operator: CALLERS,
  'bearer-admin': ['an administrator'],
  'bearer-user': ['a user', 'a user of another tenant'],
  'bearer-asked': ['a user', 'a user of another tenant'],
};

async function tokenOf(surface: 'admin' | 'user', tenant: string, email: string): Promise<string> {
  const body = {
    tenant_id: tenant,
    project_id: 'shop',
    client_id: 'web',
    email_id: email,
    secret_id: tessera.secret(`${tenant}/shop/web`),
  };
  return (await tessera.post(`/auth/${surface}/generateToken`, body)).body['access_token'] as string;
}

/** The caller's address, as the walk's proxy names it. */
const FROM_OPERATOR = '192.0.2.7';
const FROM_OUTSIDE = '203.0.113.7';

function ask(row: RouteRow, caller: Caller, from: string) {
  const path = row.path.replace(':tenantId', 'acme').replace('*', 'swagger-ui.css');
  const authorization = bearers[caller];
  const headers = { 'x-forwarded-for': from, ...(authorization !== undefined && { authorization }) };
  return row.method === 'GET' ? tessera.get(path, headers) : tessera.post(path, {}, headers);
}

describe.each(ROUTE_TABLE.map((row) => ({ label: `${row.method} ${row.path}`, row })))('$label', ({ row }) => {
  it.each(CALLERS)('%s', async (caller) => {
    const answer = await ask(row, caller, row.access === 'operator' ? FROM_OPERATOR : FROM_OUTSIDE);
    if (LETS_IN[row.access].includes(caller)) {
      // Past the edge the handler decides how to answer an empty request, but it must answer.
      expect(answer.status).toBeLessThan(500);
      if (row.access !== 'public') expect(answer.status).not.toBe(401);
      return;
    }
    expect(answer.refusal()).toMatchObject({ status: 401, error: 'unauthorized' });
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
  });
});

const OPERATOR_ROUTES = ROUTE_TABLE.filter(({ access }) => access === 'operator');
describe.each(OPERATOR_ROUTES.map((row) => ({ label: `${row.method} ${row.path}`, row })))(
  '$label, outside the operator networks',
  ({ row }) => {
    it.each(CALLERS)('%s', async (caller) => {
      const answer = await ask(row, caller, FROM_OUTSIDE);
      expect(answer.refusal()).toMatchObject({ status: 403, error: 'forbidden' });
    });
  },
);

it.each([
  '/auth',
  '/auth/user',
  '/auth/user/generatetoken',
  '/auth/user/generateToken/',
  '//auth/user/profile',
  '/tenants/acme',
  '/.env',

  '/auth/user%2Fprofile',
])('nothing is served at %s', async (path) => {
  const answer = await tessera.get(path, { authorization: bearers['a user']! });
  expect([404, 405]).toContain(answer.refusal().status);
});

describe('an unknown address', () => {
  it.each([
    ['POST', '/auth/user/generatetoken', 'POST /auth/user/generateToken'],
    ['POST', '/auth/user/generateToken/', 'POST /auth/user/generateToken'],
    ['POST', '/auth/user/generate-token', 'POST /auth/user/generateToken'],
    ['POST', '/auth/users/oidcToken?x=/auth/admin/oidcToken', 'POST /auth/user/oidcToken'],
    ['POST', '/user/verifyToken', 'POST /auth/user/verifyToken'],
    ['GET', '/tenants/acme/jwks', 'GET /tenants/{tenantId}/jwks.json'],
    ['GET', '/tenants/acme/.well-known/openid-config', 'GET /tenants/{tenantId}/.well-known/openid-configuration'],
    ['POST', '/tenants/a-tenant-with-quite-a-long-name/introspection', 'POST /tenants/{tenantId}/introspect'],
    ['GET', '/health', 'GET /healthz'],
    ['GET', '/metric', 'GET /metrics'],
    ['GET', '/doc', 'GET /docs'],
  ])('%s %s names the nearest route', async (method, path, nearest) => {
    const answer = await readAnswer(await fetch(tessera.url + path, { method }));
    expect(answer.refusal().status).toBe(404);
    expect(answer.body['detail']).toBe(`There is nothing at this address. The nearest one is ${nearest}.`);
  });

  it.each(['/', '/.env', '/wp-login.php', `/${'a'.repeat(5000)}`, `/auth/user/${'generateToken'.repeat(4)}`])(
    '%s names the list of routes',
    async (path) => {
      const answer = await tessera.get(path);
      expect(answer.refusal().status).toBe(404);
      expect(answer.body['detail']).toBe('There is nothing at this address. GET /docs shows every route.');
    },
  );

  it('with percent-encoding says so', async () => {
    expect((await tessera.get('/%6detrics')).body['detail']).toBe(
      'There is nothing at this address. Paths are written without percent-encoding.',
    );
  });
});
