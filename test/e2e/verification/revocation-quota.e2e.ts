import { issuedToken } from '../../support/requests/attack-material.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** A client with a valid secret that attacks: it requests tokens and revokes them as fast as it can. */
let tessera: TestTesseraServer;
beforeAll(async () => {
  tessera = await startTessera();
});
afterAll(() => tessera.close());

interface Feed {
  readonly sequence: number;
  readonly entries: readonly { readonly iss: string; readonly kind: string; readonly id: string }[];
}

const revoke = (token: string, client = 'shop/web', tenant = 'acme') =>
  tessera.postForm(`/tenants/${tenant}/revoke`, {
    token,
    client_id: client,
    client_secret: tessera.secret(`${tenant}/${client}`),
  });
const feed = async () => JSON.parse((await tessera.get('/revocations')).text) as Feed;
const status = async (token: string) =>
  (await tessera.get('/auth/user/profile', { authorization: `Bearer ${token}` })).status;

it('is stopped by a 429 and does not fill the list, and no other client is affected', async () => {
  const [first, kept] = [await issuedToken(tessera, 'user'), await issuedToken(tessera, 'user')];
  expect((await revoke(first)).status).toBe(200);
  let revoked = 1;
  let last = await revoke(await issuedToken(tessera, 'user'));
  for (; last.status === 200 && revoked < 1_500; revoked++) last = await revoke(await issuedToken(tessera, 'user'));

  expect(last.refusal()).toMatchObject({ status: 429, error: 'too_many_requests' });
  expect(last.body['detail']).toBe('The client or its tenant revoked too many tokens. Try again later.');
  expect(Number(last.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(Number(last.headers.get('retry-after'))).toBeLessThanOrEqual(10);
  expect((await feed()).entries.length).toBeLessThanOrEqual(600);
  expect([await status(first), await status(kept)]).toEqual([401, 200]);

  // Another client of the same project, and another tenant's.
  const others: [string, string][] = [
    ['acme', 'shop/reader'],
    ['globex', 'shop/web'],
  ];
  for (const [tenant, client] of others) expect((await revoke('a.b.c', client, tenant)).status).toBe(200);
});

it('may revoke again later', async () => {
  tessera.clock.advanceSeconds(10);
  const answers: number[] = [];
  for (let index = 0; index < 6; index++) answers.push((await revoke(await issuedToken(tessera, 'user'))).status);
  expect(answers).toEqual([200, 200, 200, 200, 200, 429]);
});

it('does not limit the operator', async () => {
  // The command uses the system's clock, which this clock has left behind: the token must not be issued in its future.
  tessera.clock.jumpSeconds(-10);
  const token = await issuedToken(tessera, 'user');
  expect((await revoke(token)).refusal().status).toBe(429);
  expect(await status(token)).toBe(200);
  await tessera.cli(['revoke', '--client', 'acme/shop/web']);
  await tessera.caughtUp();
  expect(await status(token)).toBe(401);
});
