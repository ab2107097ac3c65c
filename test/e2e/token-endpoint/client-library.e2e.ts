import { createVerifier, type TokenVerifier, type VerifiedToken } from '@tessera/token';
import { type ClientTokenOptions, TokenRequestError } from '../../../libs/client/src/index.ts';
import { createTesseraTokens, type TesseraTokens } from '../../../libs/client/src/tokens/tessera-tokens.ts';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { type HostileProvider, startHostileProvider } from '../../../src/testing/hostile-provider.ts';
import { providerKey, writeSubjectToken } from '../../../src/testing/provider-tokens.ts';
import { TokenEndpointUser } from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** The token endpoint as `TesseraTokens` of @tessera/client uses it, and its tokens as @tessera/token verifies them offline. */
const KEYS = {
  ES256: providerKey('k-es', 'ES256'),
  RS256: providerKey('k-rs', 'RS256'),
  EdDSA: providerKey('k-ed', 'EdDSA'),
};
const PLATFORM = providerKey('p1', 'RS256');
const SUB = 'system:serviceaccount:shop:deploy';
const REVOKED_WITHIN_MS = 2_000;

let platform: HostileProvider;
let tessera: TestTesseraServer;
let verifier: TokenVerifier;
const opened: TesseraTokens[] = [];
beforeAll(async () => {
  platform = await startHostileProvider();
  platform.keys = [PLATFORM.jwk];
  tessera = await startTessera({
    tenantsFile: tenantsFile(),
    env: { TESSERA_FEDERATION_ALLOWED_HOSTS: platform.hostPort },
  });
  // The library has the system's clock.
  tessera.clock.jumpAheadOfSystem(0);
  verifier = createVerifier({
    baseUrl: tessera.url,
    tenants: 'all',
    audience: ['shop-api', 'stock-api'],
    surfaces: ['user', 'service'],
  });
});
afterAll(async () => {
  for (const tokens of opened) tokens.close();
  verifier.close();
  await tessera.close();
  await platform.close();
});

/** As JSON, which is YAML. */
function tenantsFile(): string {
  const open = { surfaces: ['user'], scopes: 'unbounded', subjects: 'any', service: { roles: ['robot'] } };
  const exchange = [{ to: 'stock-api', scopes: 'subset' }];
  const workload = { issuer: 'platform', conditions: { sub: SUB } };
  const acme = {
    id: 'acme',
    database: { driver: 'sqlite' },
    issuers: [
      {
        id: 'platform',
        issuer: platform.issuer,
        audiences: ['tessera-acme'],
        algorithms: ['RS256'],
        conditions: 'none',
        subject: { match: 'linked' },
        clients: [],
        surfaces: ['user'],
      },
    ],
    projects: [
      {
        id: 'shop',
        clients: [
          { ...open, id: 'web', audience: 'shop-api', service: null },
          { ...open, id: 'secret', audience: 'shop-api', audiences: ['stock-api'], exchange },
          { ...open, id: 'keyed', audience: 'shop-api', exchange, keys: Object.values(KEYS).map(({ jwk }) => jwk) },
          { ...open, id: 'deploy', audience: 'shop-api', exchange, workload },
        ],
      },
    ],
    scopes: [
      { name: 'stock:read', resource: 'stock' },
      { name: 'stock:write', resource: 'stock' },
    ],
    roles: [
      { name: 'robot', scopes: ['stock:read', 'stock:write'] },
      { name: 'customer', scopes: ['stock:read'] },
    ],
    users: [{ id: 'u-ada', email: 'ada@acme.example', roles: ['customer'] }],
  };
  return JSON.stringify({ apiVersion: 'tessera/v1', tenants: [acme] });
}

function platformToken(changes: object = {}): string {
  const now = Math.floor(tessera.clock.nowMs() / 1000);
  const claims = { iss: platform.issuer, sub: SUB, aud: ['tessera-acme'], iat: now, exp: now + 600, ...changes };
  return writeSubjectToken({ key: PLATFORM, claims });
}

function tokensOf(clientId: string, more: object): TesseraTokens {
  const tokens = createTesseraTokens({
    baseUrl: tessera.url,
    tenants: 'all',
    audience: 'shop-api',
    tokens: {
      grant: 'client_credentials',
      tenantId: 'acme',
      projectId: 'shop',
      clientId,
      ...more,
    } as ClientTokenOptions,
  });
  opened.push(tokens);
  return tokens;
}

const withSecret = () => tokensOf('secret', { secretId: () => tessera.secret('acme/shop/secret') });
const withKey = ({ privateKey: key, kid, algorithm: alg } = KEYS.ES256) =>
  tokensOf('keyed', { privateKey: { key, kid, alg } });
const asWorkload = (assertion: () => string = platformToken) => tokensOf('deploy', { assertion });

const adas = () => new TokenEndpointUser(tessera).userToken('ada@acme.example');
const verified = async (provided: Promise<{ readonly accessToken: string }>): Promise<VerifiedToken> =>
  verifier.verify((await provided).accessToken);
const refusal = (result: Promise<unknown>): Promise<unknown> => result.catch((error: unknown) => error);

describe.each<[string, string, () => TesseraTokens]>([
  ['a secret', 'secret', withSecret],
  ['a key of ES256', 'keyed', () => withKey()],
  ['a key of RS256', 'keyed', () => withKey(KEYS.RS256)],
  ['a key of EdDSA', 'keyed', () => withKey(KEYS.EdDSA)],
  ['the token of its platform', 'deploy', () => asWorkload()],
])('a client with %s', (_name, client, tokens) => {
  it('gets tokens about itself, which a verifier accepts that asks for services', async () => {
    expect(await verified(tokens().get())).toMatchObject({
      surface: 'service',
      subject: `client:shop/${client}`,
      audience: 'shop-api',
      scopes: ['stock:read', 'stock:write'],
      actors: [],
    });
  });

  it('exchanges the token of a user, and is its actor', async () => {
    const bearer = await adas();
    const provider = tokens();
    const exchanged = await verified(provider.exchange(bearer, { audience: 'stock-api', scope: 'stock:read' }));
    const { tokenId } = await verifier.verify(bearer);
    expect(exchanged).toMatchObject({
      surface: 'user',
      subject: 'u-ada',
      email: 'ada@acme.example',
      audience: 'stock-api',
      scopes: ['stock:read'],
      root: tokenId,
      actors: [
        { sub: `client:shop/${client}`, client_id: client },
        { sub: 'client:shop/web', client_id: 'web' },
      ],
    });
  });

  it('asks twice with two assertions, and neither is refused as a replay', async () => {
    const provider = tokens();
    const first = await provider.get();
    provider.invalidate();
    expect((await provider.get()).accessToken).not.toBe(first.accessToken);
  });
});

it('asks for another of its audiences, and for a part of its scopes', async () => {
  const token = await verified(withSecret().get({ audience: 'stock-api', scope: 'stock:read' }));
  expect(token).toMatchObject({ audience: 'stock-api', scopes: ['stock:read'] });
});

it.each<[string, () => Promise<unknown>, number, string]>([
  ['an audience that is not listed', () => withSecret().get({ audience: 'x' }), 400, 'invalid_target'],
  ['a scope that it has not', () => withSecret().get({ scope: 'orders:read' }), 400, 'invalid_scope'],
  ['a wrong secret', () => tokensOf('secret', { secretId: 'tsk_wrong' }).get(), 401, 'invalid_client'],
  [
    'a key of another',
    () => withKey({ ...KEYS.ES256, privateKey: providerKey('k').privateKey }).get(),
    401,
    'invalid_client',
  ],
  [
    'an assertion for another issuer',
    () =>
      tokensOf('keyed', {
        privateKey: { key: KEYS.ES256.privateKey, kid: 'k-es', alg: 'ES256' },
        issuer: 'https://elsewhere.example/tenants/acme',
      }).get(),
    401,
    'invalid_client',
  ],
  ['the token of another workload', () => asWorkload(() => platformToken({ sub: 'x' })).get(), 401, 'invalid_client'],
  [
    'a token that is for another audience',
    async () =>
      withKey().exchange((await withSecret().get({ audience: 'stock-api' })).accessToken, { audience: 'stock-api' }),
    400,
    'invalid_grant',
  ],
  ['no exchange for itself', async () => withKey().exchange(await adas()), 400, 'invalid_target'],
])('fails with the code of OAuth for %s', async (_name, ask, status, error) => {
  const failure = await refusal(ask());
  expect(failure).toBeInstanceOf(TokenRequestError);
  expect(failure).toMatchObject({ status, error });
});

it('verifies the descendants of a revoked token as revoked, offline and within 2 s', async () => {
  const bearer = await adas();
  const other = await withKey().exchange(await adas(), { audience: 'stock-api' });
  const { accessToken } = await withKey().exchange(bearer, { audience: 'stock-api' });
  await verifier.verify(accessToken);
  const revocation = await tessera.postForm('/tenants/acme/revoke', {
    token: bearer,
    client_id: 'shop/web',
    client_secret: tessera.secret('acme/shop/web'),
  });
  expect(revocation.status).toBe(200);
  const isRevoked = async (token: string) =>
    ((await refusal(verifier.verify(token))) as { readonly code?: string }).code === 'TOKEN_REVOKED';
  await eventually('the refusal', () => isRevoked(accessToken), REVOKED_WITHIN_MS);
  expect(await isRevoked(bearer)).toBe(true);
  expect((await verifier.verify(other.accessToken)).subject).toBe('u-ada');
});
