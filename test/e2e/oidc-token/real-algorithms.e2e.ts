import { decodeJwt, decodeProtectedHeader } from 'jose';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { startOidcProvider } from '../../../src/testing/oidc-provider.ts';
import { tenantsWithTrusts, trustOf } from '../../support/tessera/exchange-service.ts';
import { startTessera } from '../../support/tessera/tessera.ts';

/** Logins at a certified provider that signs by other algorithms, and that replaces its key under the same name. */
const ACCOUNTS = Array.from({ length: 6 }, (_, index) => ({
  sub: String(index),
  email: 'grace@acme.example',
  email_verified: true,
  hd: 'acme.example',
}));

it.each([
  ['PS256', 'PS256'],
  ['EdDSA', 'Ed25519'],
  ['Ed25519', 'Ed25519'],
  ['Ed25519', 'EdDSA'],
] as const)(
  'a login signed by %s becomes a token where the trust says %s, also after a new key of that name',
  async (algorithm, trusted) => {
    const provider = await startOidcProvider({ clientId: 'tessera-acme', accounts: ACCOUNTS, algorithm });
    const tessera = await startTessera({
      tenantsFile: tenantsWithTrusts(trustOf('corp', provider.issuer, { algorithms: `[${trusted}]` })),
      env: { TESSERA_FEDERATION_ALLOWED_HOSTS: provider.hostPort },
    });
    tessera.clock.jumpSeconds(Math.ceil((Date.now() - tessera.clock.nowMs()) / 1000));
    const bearer = await tessera.post('/auth/user/generateToken', {
      tenant_id: 'acme',
      project_id: 'shop',
      client_id: 'web',
      email_id: 'ada@acme.example',
      secret_id: tessera.secret('acme/shop/web'),
    });
    const authorization = `Bearer ${bearer.body['access_token'] as string}`;
    const exchange = (idToken: string) =>
      tessera.post('/auth/user/oidcToken', { oidc_token: idToken }, { authorization });
    const fetches = () => provider.requests.filter((path) => path === '/jwks').length;

    const { idToken } = await provider.logIn('0');
    expect(decodeProtectedHeader(idToken).alg).toBe(algorithm);
    const answer = await exchange(idToken);
    expect(decodeJwt(answer.body['access_token'] as string)).toMatchObject({ sub: 'u-grace' });

    // The fetch of the next 30 s is used up by a signature that the key does not confirm.
    await provider.replaceKey();
    const [header, payload] = (await provider.logIn('1')).idToken.split('.') as [string, string];
    const oldKid = decodeProtectedHeader(idToken).kid;
    expect((await exchange(`${header}.${payload}.${'A'.repeat(86)}`)).status).toBe(401);
    await provider.replaceKey();
    const replaced = (await provider.logIn('2')).idToken;
    expect(decodeProtectedHeader(replaced).kid).toBe(oldKid);
    expect((await exchange(replaced)).status).toBe(401);
    for (let waited = 1; waited <= 40 && fetches() < 3; waited++) {
      tessera.clock.advanceSeconds(1);
      await exchange(replaced);
    }
    await eventually(
      'a token by the new key',
      async () => (await exchange((await provider.logIn('3')).idToken)).status === 200,
    );
    expect(fetches()).toBe(3);
    await tessera.close();
    await provider.close();
  },
);
