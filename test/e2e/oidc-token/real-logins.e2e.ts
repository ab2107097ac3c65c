import { decodeJwt } from 'jose';
import { tenantsWithTrusts, trustOf } from '../../support/tessera/exchange-service.ts';
import { type RunningOidcProvider, startOidcProvider } from '../../../src/testing/oidc-provider.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** Both oidcToken endpoints with ID tokens of real logins at a certified provider. */
let provider: RunningOidcProvider;
let tessera: TestTesseraServer;
beforeAll(async () => {
  provider = await startOidcProvider({
    clientId: 'tessera-acme',
    accounts: [
      { sub: '1', email: 'grace@acme.example', email_verified: true, hd: 'acme.example' },
      { sub: '2', email: 'grace@acme.example', email_verified: false, hd: 'acme.example' },
      { sub: '3', email: 'grace@acme.example', email_verified: true, hd: 'acme.example' },
    ],
  });
  tessera = await startTessera({
    tenantsFile: tenantsWithTrusts(trustOf('corp', provider.issuer)),
    env: { TESSERA_FEDERATION_ALLOWED_HOSTS: provider.hostPort },
  });
  // Real logins have real times.
  tessera.clock.jumpSeconds(Math.ceil((Date.now() - tessera.clock.nowMs()) / 1000));
});
afterAll(async () => {
  await tessera.close();
  await provider.close();
});

async function exchange(surface: 'admin' | 'user', oidcToken: string) {
  const bearer = await tessera.post(`/auth/${surface}/generateToken`, {
    tenant_id: 'acme',
    project_id: 'shop',
    client_id: 'web',
    email_id: surface === 'user' ? 'ada@acme.example' : 'root@acme.example',
    secret_id: tessera.secret('acme/shop/web'),
  });
  const authorization = `Bearer ${bearer.body['access_token'] as string}`;
  return tessera.post(`/auth/${surface}/oidcToken`, { oidc_token: oidcToken }, { authorization });
}

it.each([
  ['user', '1', 'u-grace'],
  // Another account. This provider gives no jti, so two logins of one account in one second are the same token.
  ['admin', '3', 'a-grace'],
] as const)('a login becomes a token of the %s surface, once', async (surface, account, sub) => {
  const { idToken } = await provider.logIn(account);
  const answer = await exchange(surface, idToken);
  expect(answer.status).toBe(200);
  const claims = decodeJwt(answer.body['access_token'] as string);
  expect(claims).toMatchObject({ sub, surface, idp: provider.issuer });
  expect(claims.exp).toBeLessThanOrEqual(decodeJwt(idToken).exp!);
  expect((await exchange(surface, idToken)).refusal().status).toBe(401);
});

it('a login with an address that is not verified becomes none', async () => {
  const answer = await exchange('user', (await provider.logIn('2')).idToken);
  expect(answer.refusal().status).toBe(401);
  expect(tessera.auditReason(answer.requestId)).toBe(
    'the subject token is refused: its e-mail address is not verified',
  );
});

it('the opaque access token of the same login becomes none', async () => {
  const answer = await exchange('user', (await provider.logIn('1')).accessToken);
  expect(answer.refusal().status).toBe(401);
});

it('a login after a rotation of keys becomes a token', async () => {
  await provider.rotateKeys();
  tessera.clock.advanceSeconds(1);
  expect((await exchange('user', (await provider.logIn('3')).idToken)).status).toBe(200);
});

it('a login after a rotation of keys is a 503 while an invented kid has used up the fetch, and becomes a token after it', async () => {
  const [, payload] = (await provider.logIn('1')).idToken.split('.') as [string, string];
  const header = Buffer.from('{"alg":"ES256","kid":"invented"}').toString('base64url');
  tessera.clock.advanceSeconds(30);
  expect((await exchange('user', `${header}.${payload}.AAAA`)).refusal().status).toBe(401);
  await provider.rotateKeys();
  const { idToken } = await provider.logIn('1');
  const answer = await exchange('user', idToken);
  expect(answer.refusal()).toMatchObject({ status: 503, error: 'temporarily_unavailable' });
  tessera.clock.advanceSeconds(Number(answer.headers.get('retry-after')));
  expect((await exchange('user', idToken)).status).toBe(200);
});
