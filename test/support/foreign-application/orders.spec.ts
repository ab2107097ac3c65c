import { type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TESSERA_CLIENT_OPTIONS } from '@tessera/client';
import { TestTessera } from '@tessera/client/testing';
import { createVerifier, TokenError } from '@tessera/token';
import { TestTessera as TestTesseraOfTheToken } from '@tessera/token/testing';
import { OrdersModule } from './orders.module.ts';

/** Run by the Jest of the foreign application, not by this repository's. */
const tessera = new TestTessera({ audience: 'shop-api', tenants: ['acme', 'globex'] });
let app: INestApplication;
let url: string;

beforeAll(async () => {
  const testingModule = await Test.createTestingModule({ imports: [OrdersModule] })
    .overrideProvider(TESSERA_CLIENT_OPTIONS)
    .useValue(tessera.clientOptions)
    .compile();
  app = testingModule.createNestApplication();
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
});
afterAll(() => app.close());

async function list(token?: string): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await fetch(`${url}/orders`, { headers });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

it('accepts a token with the scope orders:read', async () => {
  const { status, body } = await list(tessera.token({ scopes: ['orders:read'], subject: 'u-ada' }));
  expect(status).toBe(200);
  expect(body).toMatchObject({ subject: 'u-ada', tenant: 'acme', scopes: ['orders:read'], verified: true });
});

it.each([
  ['no token', undefined, 401, 'token_missing'],
  ['a token without the scope', tessera.token({ scopes: ['orders:write'] }), 403, 'insufficient_scope'],
  [
    'a token of another tenant',
    tessera.token({ scopes: ['orders:read'], tenantId: 'globex' }),
    403,
    'insufficient_scope',
  ],
  ['a forged token', tessera.forgedToken({ scopes: ['orders:read'] }), 401, 'invalid_token'],
  ['an expired token', tessera.token({ scopes: ['orders:read'], ttlSeconds: -60 }), 401, 'invalid_token'],
])('refuses %s', async (_name, token, status, error) => {
  expect(await list(token)).toMatchObject({ status, body: { status, error } });
});

it('refuses a revoked token from then on', async () => {
  const token = tessera.token({ scopes: ['orders:read'] });
  expect((await list(token)).status).toBe(200);
  tessera.revoke(token);
  expect((await list(token)).status).toBe(401);
});

it('verifies without Nest', async () => {
  const stranger = new TestTesseraOfTheToken({ audience: 'shop-api' });
  const verifier = createVerifier(stranger.clientOptions);
  expect((await verifier.verify(stranger.token())).tenantId).toBe('acme');
  // Every TestTessera has its own keys.
  await expect(verifier.verify(tessera.token())).rejects.toBeInstanceOf(TokenError);
});
