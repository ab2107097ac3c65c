import { replaceOnce } from '../../../libs/token/test/replace-once.ts';
import { GRANTS, oauthRefusal, TokenEndpointUser, tokenOf } from '../../support/requests/token-endpoint.ts';
import {
  type ExchangeService,
  startExchangeService,
  tenantsWithTrusts,
  trustOf,
} from '../../support/tessera/exchange-service.ts';

const ENDPOINT = 'POST /tenants/:tenantId/token';
const SURFACES = ['admin', 'service', 'user'] as const;
type Mints = Readonly<Record<(typeof SURFACES)[number], number>>;

let service: ExchangeService;
let acme: TokenEndpointUser;
beforeAll(async () => {
  service = await startExchangeService();
  const { tessera, provider, elsewhere } = service;
  const tenants = tenantsWithTrusts(trustOf('corp', provider.issuer), trustOf('theirs', elsewhere.issuer));
  const mayDoAll = 'audience: shop-api, service: { roles: [reader] }, exchange: [{ to: stock-api, scopes: subset }] }';
  await tessera.apply(replaceOnce(tenants, 'audience: shop-api }', mayDoAll));
  acme = new TokenEndpointUser(tessera);
});
afterAll(() => service.close());

async function counted(series: string): Promise<number> {
  const { text } = await service.tessera.get('/metrics');
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? 0 : Number(line.slice(series.length));
}

async function mints(): Promise<Mints> {
  const counts = { admin: 0, service: 0, user: 0 };
  for (const surface of SURFACES)
    counts[surface] = await counted(`tessera_mint_duration_seconds_count{surface="${surface}"}`);
  return counts;
}

const otherAnswers = () => counted(`tessera_http_request_duration_seconds_count{route="${ENDPOINT}"}`);

/** How many more tokens of each surface were counted. */
async function mintsOf(ask: () => Promise<unknown>): Promise<Mints> {
  const before = await mints();
  await ask();
  const after = await mints();
  return {
    admin: after.admin - before.admin,
    service: after.service - before.service,
    user: after.user - before.user,
  };
}

const clientCredentials = async () => tokenOf(await acme.clientCredentials('shop/web'));
const exchangeOf = async (token: string) => tokenOf(await acme.exchange('shop/web', token, { audience: 'stock-api' }));
const NONE: Mints = { admin: 0, service: 0, user: 0 };

describe('tessera_mint_duration_seconds', () => {
  it.each<[string, keyof Mints, () => Promise<() => Promise<unknown>>]>([
    ['client_credentials', 'service', () => Promise.resolve(clientCredentials)],
    [
      'jwt-bearer',
      'user',
      () => {
        const assertion = service.subjectToken();
        return Promise.resolve(async () =>
          tokenOf(await acme.request('shop/web', { grant_type: GRANTS.jwtBearer, assertion })),
        );
      },
    ],
    [
      'an exchange of a token of a user',
      'user',
      async () => {
        const token = await acme.userToken('ada@acme.example');
        return () => exchangeOf(token);
      },
    ],
    [
      'an exchange of a token of a service',
      'service',
      async () => {
        const token = await clientCredentials();
        return () => exchangeOf(token);
      },
    ],
    ['generateToken of a user', 'user', () => Promise.resolve(() => acme.userToken('ada@acme.example'))],
    [
      'generateToken of an administrator',
      'admin',
      () => Promise.resolve(() => acme.userToken('root@acme.example', 'shop/web', 'admin')),
    ],
    [
      'oidcToken',
      'user',
      async () => {
        const bearer = await service.bearer();
        return async () => tokenOf(await service.exchange({ bearer }));
      },
    ],
  ])('counts a token of %s once, under the surface %s', async (_, surface, prepare) => {
    const ask = await prepare();
    const others = await otherAnswers();
    expect(await mintsOf(ask)).toEqual({ ...NONE, [surface]: 1 });
    // It is in one histogram only.
    expect(await otherAnswers()).toBe(others);
  });

  it('counts no token for a refusal, whose time is in tessera_http_request_duration_seconds', async () => {
    const others = await otherAnswers();
    const counts = await mintsOf(async () => {
      const answer = await acme.exchange('shop/web', await clientCredentials(), { audience: 'elsewhere-api' });
      expect(oauthRefusal(answer)).toBe('400 invalid_target');
    });
    // The token that was to be exchanged.
    expect(counts).toEqual({ ...NONE, service: 1 });
    expect(await otherAnswers()).toBe(others + 1);
  });
});
