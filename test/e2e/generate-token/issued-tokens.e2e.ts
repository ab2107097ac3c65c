import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** The content of an issued token, verified by an independent library: jose, with only the JWKS address. */
let tessera: TestTesseraServer;
beforeAll(async () => {
  tessera = await startTessera();
});
afterAll(() => tessera.close());

async function issue(
  surface: 'admin' | 'user',
  path: string,
  email: string,
): Promise<{ token: string; expiresIn: number }> {
  const [tenant_id = '', project_id = '', client_id = ''] = path.split('/');
  const answer = await tessera.post(`/auth/${surface}/generateToken`, {
    tenant_id,
    project_id,
    client_id,
    email_id: email,
    secret_id: tessera.secret(path),
  });
  expect(answer.body).toMatchObject({ token_type: 'Bearer' });
  return { token: answer.body['access_token'] as string, expiresIn: answer.body['expires_in'] as number };
}

async function verify(token: string, tenant: string, audience: string) {
  const keys = createRemoteJWKSet(new URL(`${tessera.url}/tenants/${tenant}/jwks.json`));
  return jwtVerify(token, keys, {
    issuer: `${tessera.url}/tenants/${tenant}`,
    audience,
    typ: 'at+jwt',
    currentDate: new Date(tessera.clock.nowMs()),
  });
}

describe('a user token', () => {
  it('carries roles of the user and of its groups, their scopes within the client’s bound, and the resources of those scopes', async () => {
    const { token, expiresIn } = await issue('user', 'acme/shop/web', 'ADA@acme.example');
    const { payload } = await verify(token, 'acme', 'shop-api');
    const now = Math.floor(tessera.clock.nowMs() / 1000);
    expect(payload).toEqual({
      iss: `${tessera.url}/tenants/acme`,
      sub: 'u-ada',
      aud: 'shop-api',
      client_id: 'web',
      iat: now,
      exp: now + 600,
      jti: expect.any(String),
      scope: 'orders:read orders:write',
      roles: ['keeper', 'manager'],
      groups: ['sales'],
      resources: ['orders'],
      tenant_id: 'acme',
      project_id: 'shop',
      email_id: 'Ada@acme.example',
      surface: 'user',
    });
    expect(expiresIn).toBe(600);
  });

  it('has a header of exactly typ, alg and kid', async () => {
    const { token } = await issue('user', 'acme/shop/web', 'ada@acme.example');
    expect(decodeProtectedHeader(token)).toEqual({ typ: 'at+jwt', alg: 'ES256', kid: expect.any(String) });
  });

  it('is cut to the client’s upper bound', async () => {
    const { token } = await issue('user', 'acme/shop/reader', 'ada@acme.example');
    const { payload } = await verify(token, 'acme', 'shop');
    expect(payload).toMatchObject({ scope: 'orders:read', resources: ['orders'], roles: ['keeper', 'manager'] });
  });

  it('carries everything when the client is unbounded', async () => {
    const { token } = await issue('user', 'acme/shop/anything', 'ada@acme.example');
    const { payload } = await verify(token, 'acme', 'shop');
    expect(payload).toMatchObject({ scope: 'orders:read orders:write stock:read', resources: ['orders', 'stock'] });
  });

  it('of a subject without grants has an empty scope and empty lists, not missing members', async () => {
    const { token } = await issue('user', 'acme/shop/web', 'carol@acme.example');
    const { payload } = await verify(token, 'acme', 'shop-api');
    expect(payload).toMatchObject({ scope: '', roles: [], groups: [], resources: [] });
  });

  it('lives as long as the tenant says when the client says nothing', async () => {
    expect((await issue('user', 'acme/shop/reader', 'ada@acme.example')).expiresIn).toBe(900);
  });
});

describe('an administrator’s token', () => {
  it('carries the roles and scopes of the control plane, no groups, and the admin surface', async () => {
    const { token } = await issue('admin', 'acme/shop/web', 'root@acme.example');
    const { payload } = await verify(token, 'acme', 'shop-api');
    expect(payload).toMatchObject({
      sub: 'a-root',
      surface: 'admin',
      roles: ['tenant-admin'],
      scope: 'tenant:manage',
      groups: [],
      resources: [],
    });
  });

  it('is bounded by the client too', async () => {
    const { token } = await issue('admin', 'acme/shop/anything', 'root@acme.example');
    const { payload } = await verify(token, 'acme', 'shop');
    expect(payload).toMatchObject({ scope: 'tenant:manage' });
  });
});

describe('tenants', () => {
  it('sign each with its own keys: a token of one does not verify with the keys of another', async () => {
    const { token } = await issue('user', 'globex/shop/web', 'gus@globex.example');
    expect(decodeProtectedHeader(token).alg).toBe('EdDSA');
    await expect(verify(token, 'globex', 'shop')).resolves.toMatchObject({
      payload: { sub: 'g-gus', tenant_id: 'globex' },
    });
    await expect(verify(token, 'acme', 'shop')).rejects.toThrow();
  });

  it('have separate subjects: a user of one who is an administrator of another is two subjects', async () => {
    const user = await issue('user', 'acme/shop/web', 'ada@acme.example');
    const admin = await issue('admin', 'globex/shop/web', 'ada@acme.example');
    expect((await verify(user.token, 'acme', 'shop-api')).payload).toMatchObject({
      sub: 'u-ada',
      surface: 'user',
      tenant_id: 'acme',
    });
    expect((await verify(admin.token, 'globex', 'shop')).payload).toMatchObject({
      sub: 'g-ada',
      surface: 'admin',
      scope: 'audit:read',
      roles: ['auditor'],
    });
    const crossed = await tessera.post('/auth/admin/generateToken', {
      tenant_id: 'acme',
      project_id: 'shop',
      client_id: 'web',
      email_id: 'ada@acme.example',
      secret_id: tessera.secret('acme/shop/web'),
    });
    expect(crossed.refusal()).toMatchObject({ status: 401 });
  });

  it('do not mix in 1,000 interleaved requests', async () => {
    const ask = (index: number) =>
      index % 2 === 0
        ? issue('user', 'acme/shop/anything', 'ada@acme.example').then(({ token }) => ({
            token,
            tenant: 'acme',
            sub: 'u-ada',
          }))
        : issue('user', 'globex/shop/web', 'gus@globex.example').then(({ token }) => ({
            token,
            tenant: 'globex',
            sub: 'g-gus',
          }));
    // Not all at once: both ends of each connection are files of this one process, and a machine may allow it few.
    const callers = Array.from({ length: 100 }, async (_, caller) => {
      const issued = [];
      for (let turn = 0; turn < 10; turn++) issued.push(await ask(caller + turn));
      return issued;
    });
    const tokens = (await Promise.all(callers)).flat();
    const seen = new Set<unknown>();
    for (const { token, tenant, sub } of tokens) {
      const payload = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>;
      expect(payload).toMatchObject({ iss: `${tessera.url}/tenants/${tenant}`, tenant_id: tenant, sub });
      seen.add(payload['jti']);
    }
    expect(seen.size).toBe(1000);
  });
});

describe('the record', () => {
  it('of an issued token names the request, client, subject, token and key, and no e-mail', async () => {
    const answer = await tessera.post('/auth/user/generateToken', {
      tenant_id: 'acme',
      project_id: 'shop',
      client_id: 'web',
      email_id: 'ada@acme.example',
      secret_id: tessera.secret('acme/shop/web'),
    });
    const token = answer.body['access_token'] as string;
    const payload = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>;
    const row = tessera.auditRow(answer.requestId);
    expect(row).toMatchObject({
      outcome: 'issued',
      route: 'POST /auth/user/generateToken',
      tenant_id: 'acme',
      project_id: 'shop',
      client_id: 'web',
      subject_id: 'u-ada',
      token_id: payload['jti'],
      key_id: decodeProtectedHeader(token).kid,
      source: '127.0.0.1',
    });
    expect(JSON.stringify(row)).not.toContain('@');
  });
});
