import { createVerifier, type TokenVerifier } from '@tessera/token';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import { TokenEndpointUser, tokenOf } from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** Commands use the system's clock, so each test has a server whose clock has not been moved. */
let tessera: TestTesseraServer;
let acme: TokenEndpointUser;
let offline: TokenVerifier;
beforeEach(async () => {
  tessera = await startTessera({ tenantsFile: chainTenants() });
  acme = new TokenEndpointUser(tessera);
  offline = createVerifier({
    baseUrl: tessera.url,
    tenants: ['acme'],
    audience: ['shop-api', 'stock-api', 'ledger-api'],
    surfaces: ['user', 'service'],
    nowSeconds: () => Math.floor(tessera.clock.nowMs() / 1000),
  });
});
afterEach(async () => {
  offline.close();
  await tessera.close();
});

const verdict = (token: string) =>
  offline.verify(token).then(
    () => 'accepted',
    (error: unknown) => (error as { code: string }).code,
  );
/** Within the 2 s that are promised: `eventually` gives up after them. */
const refusedSoon = (token: string) =>
  eventually('the refusal', async () => (await verdict(token)) === 'TOKEN_REVOKED', 2_000);

it('ends the tokens of a chain with any client in it', async () => {
  const { child, grandchild } = await acme.chain();
  await tessera.cli(['revoke', '--client', 'acme/shop/web']);
  await Promise.all([child, grandchild].map(refusedSoon));
});

it('ends what a client has exchanged when it may no longer exchange anything', async () => {
  const { root, child, grandchild } = await acme.chain();
  const rules = 'exchange: [{ to: ledger-api, scopes: subset }]';
  await tessera.apply(chainTenants({ [rules]: 'exchange: []' }));
  await refusedSoon(grandchild);
  expect([await verdict(root), await verdict(child)]).toEqual(['accepted', 'accepted']);
});

it('ends all that was exchanged with a key: its thief may have exchanged what it signed', async () => {
  const { root, child, grandchild } = await acme.chain();
  const stolen = kidOf(root);
  const { keys } = JSON.parse(await tessera.cli(['keys', 'rotate', 'acme', '--output', 'json'])) as {
    keys: { kid: string; state: string }[];
  };
  const next = keys.find(({ state }) => state === 'next')!.kid;
  await tessera.cli(['keys', 'activate', 'acme', next, '--dangerously-before-verifiers-know-it']);
  await tessera.caughtUp();
  // By another key than the one that is stolen.
  let laundered = '';
  await eventually('a token of the new key', async () => {
    laundered = tokenOf(await acme.exchange('shop/api', root, { audience: 'stock-api' }));
    return kidOf(laundered) === next;
  });
  await tessera.cli(['keys', 'revoke', 'acme', stolen]);
  await Promise.all([root, child, grandchild, laundered].map(ended));
});

function kidOf(token: string): string {
  return (JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as { kid: string }).kid;
}

/** By introspection: verifiers fetch new keys when they need them. */
const ended = (token: string) =>
  eventually(
    'the end',
    async () => {
      const form = { token };
      const { body } = await tessera.postForm('/tenants/acme/introspect', form, acme.header('shop/web'));
      return body['active'] === false;
    },
    2_000,
  );
