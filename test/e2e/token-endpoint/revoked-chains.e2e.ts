import { createVerifier, type TokenVerifier } from '@tessera/token';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { chainTenants } from '../../support/fixtures/chain-tenants.ts';
import { oauthRefusal, TokenEndpointUser, tokenOf } from '../../support/requests/token-endpoint.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

let tessera: TestTesseraServer;
let acme: TokenEndpointUser;
let offline: TokenVerifier;
beforeAll(async () => {
  tessera = await startTessera({ tenantsFile: chainTenants({ 'id: narrow,': 'id: narrow, ttl: 1m,' }) });
  acme = new TokenEndpointUser(tessera);
  offline = createVerifier({
    baseUrl: tessera.url,
    tenants: ['acme'],
    audience: ['shop-api', 'stock-api', 'ledger-api'],
    surfaces: ['user', 'service'],
    nowSeconds: () => Math.floor(tessera.clock.nowMs() / 1000),
  });
});
afterAll(async () => {
  offline.close();
  await tessera.close();
});

const revoke = async (client: string, token: string) =>
  (await tessera.postForm('/tenants/acme/revoke', { token }, acme.header(client))).status;
const verdict = (token: string) =>
  offline.verify(token).then(
    () => 'accepted',
    (error: unknown) => (error as { code: string }).code,
  );
/** Within the 2 s that are promised: `eventually` gives up after them. */
const refusedSoon = (token: string) =>
  eventually('the refusal', async () => (await verdict(token)) === 'TOKEN_REVOKED', 2_000);

it('ends everything that a revoked token was exchanged for', async () => {
  const { root, child, grandchild } = await acme.chain();
  const other = await acme.chain();
  for (const token of [root, child, grandchild]) expect(await verdict(token)).toBe('accepted');
  expect(await revoke('shop/web', root)).toBe(200);
  await Promise.all([root, child, grandchild].map(refusedSoon));
  // The server itself, at once.
  const again = await acme.exchange('shop/stock', child, { audience: 'ledger-api' });
  expect(oauthRefusal(again)).toBe('400 invalid_grant');
  expect(tessera.auditReason(again.requestId)).toBe('subject token: the token was revoked');
  const { body } = await tessera.postForm('/tenants/acme/introspect', { token: grandchild }, acme.header('shop/stock'));
  expect(body).toEqual({ active: false });
  for (const token of Object.values(other)) expect(await verdict(token)).toBe('accepted');
});

it('ends all that was exchanged from its root with a token in the middle, but not the root', async () => {
  const { root, child, grandchild } = await acme.chain();
  const sibling = tokenOf(await acme.exchange('shop/narrow', root, { audience: 'stock-api' }));
  expect(await revoke('shop/api', child)).toBe(200);
  await Promise.all([child, grandchild, sibling].map(refusedSoon));
  expect(await verdict(root)).toBe('accepted');
  // Tokens of a server that has not heard of it would be as late as this.
  const early = await acme.exchange('shop/api', root, { audience: 'stock-api' });
  expect(oauthRefusal(early)).toBe('503 temporarily_unavailable');
  tessera.clock.advanceSeconds(6);
  expect(await verdict(tokenOf(await acme.exchange('shop/api', root, { audience: 'stock-api' })))).toBe('accepted');
});

it('ends what was exchanged from its root until that has expired, although the revoked token has before', async () => {
  const { root, child: sibling } = await acme.chain();
  const short = tokenOf(await acme.exchange('shop/narrow', root, { audience: 'stock-api' }));
  expect(await revoke('shop/narrow', short)).toBe(200);
  await Promise.all([short, sibling].map(refusedSoon));
  // The entry of the revoked token itself is kept for five minutes after its `exp`.
  tessera.clock.advanceSeconds(60 + 300 + 5);
  await tessera.caughtUp();
  expect(await verdict(root)).toBe('accepted');
  expect(await verdict(sibling)).toBe('TOKEN_REVOKED');
  const again = await acme.exchange('shop/stock', sibling, { audience: 'ledger-api' });
  expect(oauthRefusal(again)).toBe('400 invalid_grant');
  expect(tessera.auditReason(again.requestId)).toBe('subject token: the token was revoked');
});

it('lets only the client of a token revoke it', async () => {
  const { root, grandchild } = await acme.chain();
  expect(await revoke('shop/api', root)).toBe(400);
  expect(await revoke('shop/web', grandchild)).toBe(400);
  expect(await verdict(grandchild)).toBe('accepted');
});

it('gives entries of the feed that older verifiers skip', async () => {
  const { root } = await acme.chain();
  const { sequence } = (await tessera.get('/revocations?after=0')).body as { sequence: number };
  await revoke('shop/web', root);
  const { entries } = (await tessera.get(`/revocations?after=${sequence}`)).body as {
    entries: { kind: string; id: string }[];
  };
  const { jti } = JSON.parse(Buffer.from(root.split('.')[1]!, 'base64url').toString()) as { jti: string };
  expect(entries.map(({ kind, id }) => [kind, id])).toEqual([
    ['token', jti],
    ['chain', jti],
  ]);
});
