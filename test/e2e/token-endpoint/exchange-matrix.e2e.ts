import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import { oauthRefusal, TokenEndpointUser, tokenOf } from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

const TARGETS = {
  listed: 'stock-api',
  unlisted: 'ledger-api',
  'its own, by default': undefined,
  manage: 'urn:tessera:manage',
};
const TOKENS = [
  'a user’s',
  'a user’s, for another service',
  'a service’s',
  'a service’s, for another service',
  'an administrator’s',
  'another tenant’s user’s',
  'another tenant’s service’s',
  'an exchanged one, for another service',
] as const;
type TokenName = (typeof TOKENS)[number];

/** The state of one party, as a change of the tenants file. Tokens are made before it. */
const STATES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'all are active': {},
  'the tenant is suspended': { 'status: active # of acme': 'status: suspended' },
  'the project is disabled': { 'status: active # of shop': 'status: disabled' },
  'the caller is disabled': { 'id: api, status: active': 'id: api, status: disabled' },
  'the client of the token is disabled': { 'id: web, status: active': 'id: web, status: disabled' },
  'the caller may exchange nothing': {
    'exchange: [{ to: stock-api, scopes: subset }, { to: mail-api, scopes: ["mail:send"] }, { to: "https://stock.example/v1", scopes: subset }]':
      'exchange: []',
  },
  'the caller receives nothing': { 'receives: null': 'receives: []' },
  'the user is disabled': {
    'email: ada@acme.example, roles: [], groups: [sales], status: active':
      'email: ada@acme.example, roles: [], groups: [sales], status: disabled',
  },
  'the service has no surface': { 'ttl: 10m, service: { roles: [robot] }': 'ttl: 10m, service: null' },
};
/** The same as a command: an apply removes nothing that its file leaves out. */
const REMOVALS: Readonly<Record<string, string>> = {
  'the client of the token is removed': 'client remove acme/shop/web',
  'the user is removed': 'user remove acme/u-ada',
};
const ALL_STATES = [...Object.keys(STATES), ...Object.keys(REMOVALS)];

let tessera: TestTesseraServer;
let acme: TokenEndpointUser;
beforeAll(async () => {
  tessera = await startTessera({ tenantsFile: chainTenants() });
  acme = new TokenEndpointUser(tessera);
});
afterAll(() => tessera.close());

async function makeTokens(): Promise<Readonly<Record<TokenName, string>>> {
  const globex = new TokenEndpointUser(tessera, 'globex');
  const user = await acme.userToken('ada@acme.example');
  return {
    'a user’s': user,
    'a user’s, for another service': await acme.userToken('ada@acme.example', 'shop/stock'),
    'a service’s': tokenOf(await acme.clientCredentials('shop/web')),
    'a service’s, for another service': tokenOf(await acme.clientCredentials('shop/stock')),
    'an administrator’s': await acme.userToken('root@acme.example', 'shop/web', 'admin'),
    'another tenant’s user’s': await globex.userToken('ada@globex.example'),
    'another tenant’s service’s': tokenOf(await globex.clientCredentials('shop/api')),
    'an exchanged one, for another service': tokenOf(await acme.exchange('shop/api', user, { audience: 'stock-api' })),
  };
}

/** What the contract says of a cell. Written from its text, not from the code. */
function expected(state: string, token: TokenName, target: keyof typeof TARGETS): string {
  if (['the tenant is suspended', 'the project is disabled', 'the caller is disabled'].includes(state))
    return '401 invalid_client';
  if (state === 'the caller may exchange nothing') return '400 unauthorized_client';
  if (target !== 'listed') return '400 invalid_target';
  const isPresentable = token === 'a user’s' || token === 'a service’s';
  const isStopped =
    [
      'the client of the token is disabled',
      'the client of the token is removed',
      'the caller receives nothing',
    ].includes(state) ||
    (['the user is disabled', 'the user is removed'].includes(state) && token === 'a user’s') ||
    (state === 'the service has no surface' && token === 'a service’s');
  return isPresentable && !isStopped ? '200' : '400 invalid_grant';
}

describe.each(ALL_STATES)('an exchange when %s', (state) => {
  it('passes in the listed cells and in no other', async () => {
    const tokens = await makeTokens();
    const removal = REMOVALS[state];
    if (removal === undefined) await tessera.apply(chainTenants(STATES[state]));
    else await tessera.cli(removal.split(' '));
    await tessera.caughtUp();
    // What is taken away is revoked, and a revocation takes a moment to take effect.
    tessera.clock.jumpAheadOfSystem(5);
    const seen: string[] = [];
    const wanted: string[] = [];
    for (const token of TOKENS)
      for (const [target, audience] of Object.entries(TARGETS)) {
        const cell = `${token} → ${target}: `;
        const answer = await acme.exchange('shop/api', tokens[token], audience === undefined ? {} : { audience });
        seen.push(cell + (answer.status === 200 ? '200' : oauthRefusal(answer)));
        wanted.push(cell + expected(state, token, target as keyof typeof TARGETS));
      }
    expect(seen).toEqual(wanted);
    await tessera.apply(chainTenants());
    await tessera.caughtUp();
  });
});

it('has cells that pass, and many more that do not', () => {
  const cells = ALL_STATES.flatMap((state) =>
    TOKENS.flatMap((token) =>
      (Object.keys(TARGETS) as (keyof typeof TARGETS)[]).map((target) => expected(state, token, target)),
    ),
  );
  expect([cells.length, cells.filter((cell) => cell === '200').length]).toEqual([352, 5]);
});
