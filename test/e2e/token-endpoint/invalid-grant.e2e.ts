import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import {
  ACCESS_TOKEN,
  oauthRefusal,
  type Parameters,
  TokenEndpointUser,
  tokenOf,
} from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** Whatever is wrong with a token that is to be exchanged, the caller gets one text. Only the audit says more. */
const TEXT = 'The presented token or assertion is not valid here, or its subject may not have a token.';

let tessera: TestTesseraServer;
let acme: TokenEndpointUser;
let adas: string;
beforeAll(async () => {
  tessera = await startTessera({ tenantsFile: chainTenants() });
  acme = new TokenEndpointUser(tessera);
});
beforeEach(async () => {
  adas = await acme.userToken('ada@acme.example');
});
afterAll(() => tessera.close());

interface Request {
  /** Default: `shop/api`. */
  readonly client?: string;
  /** Default: Ada's. */
  readonly token?: string;
  /** Default: for `stock-api`. */
  readonly parameters?: Parameters;
}

/** The command disables what no other row uses. */
async function disabled(command: string, token: string): Promise<Request> {
  await tessera.cli(command.split(' '));
  await tessera.caughtUp();
  return { token };
}

/** Presents an actor token with Ada's token. */
const withActor = (token: string): Request => ({
  parameters: { audience: 'stock-api', actor_token: token, actor_token_type: ACCESS_TOKEN },
});

it.each<[name: string, reason: string, request: () => Request | Promise<Request>]>([
  ['a malformed token', 'subject token: not three parts', () => ({ token: 'opaque' })],
  [
    'a token with another signature',
    'subject token: the key does not confirm the signature',
    () => ({ token: `${adas.slice(0, -6)}AAAAAA` }),
  ],
  [
    'a token of another tenant',
    'subject token: of another tenant',
    async () => ({ token: await new TokenEndpointUser(tessera, 'globex').userToken('ada@globex.example') }),
  ],
  [
    'a token for another audience',
    'subject token: it is for another audience',
    async () => ({ token: tokenOf(await acme.exchange('shop/api', adas, { audience: 'stock-api' })) }),
  ],
  [
    'a token of an administrator',
    'subject token: surface: not accepted here',
    async () => ({ token: await acme.userToken('root@acme.example', 'shop/web', 'admin') }),
  ],
  [
    'a revoked token',
    'subject token: the token was revoked',
    async () => {
      await tessera.postForm('/tenants/acme/revoke', { token: adas }, acme.header('shop/web'));
      return {};
    },
  ],
  [
    'an expired token',
    'subject token: exp has passed',
    () => {
      tessera.clock.advanceSeconds(700);
      return {};
    },
  ],
  [
    'a token of a disabled user',
    'the subject is disabled',
    async () => disabled('user disable acme/u-carol', await acme.userToken('carol@acme.example')),
  ],
  [
    'a token of a user whom the client may not ask for',
    'the client may not ask for this subject',
    () => ({ client: 'shop/bounded' }),
  ],
  [
    'a token of a disabled client',
    'subject token: a client of its chain is disabled',
    async () => disabled('client disable acme/shop/mute', await acme.userToken('ada@acme.example', 'shop/mute')),
  ],
  [
    'a token with four actors',
    'subject token: it was exchanged too often',
    async () => {
      const { grandchild } = await acme.chain();
      const token = tokenOf(await acme.exchange('shop/ledger', grandchild, { audience: 'vault-api' }));
      return { client: 'shop/vault', token, parameters: { audience: 'end-api' } };
    },
  ],
  ['a malformed actor token', 'actor token: not three parts', () => withActor('opaque')],
  ['an actor token of a user', 'actor token: surface: not accepted here', () => withActor(adas)],
  [
    'an actor token of another client',
    'actor token: it is not of the calling client',
    async () => withActor(tokenOf(await acme.clientCredentials('shop/stock'))),
  ],
  [
    'an actor token that the calling client got for its own by an exchange',
    'actor token: it is not of the calling client',
    async () => {
      const own = tokenOf(await acme.clientCredentials('shop/api'));
      return withActor(tokenOf(await acme.exchange('shop/api', own, { audience: 'stock-api' })));
    },
  ],
])('an exchange of %s is refused with the text of all', async (_, reason, request) => {
  const { client = 'shop/api', token = adas, parameters = { audience: 'stock-api' } } = await request();
  const answer = await acme.exchange(client, token, parameters);
  expect(oauthRefusal(answer)).toBe('400 invalid_grant');
  expect(answer.body['error_description']).toBe(TEXT);
  expect(tessera.auditReason(answer.requestId)).toBe(reason);
});
