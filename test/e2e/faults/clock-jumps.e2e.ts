import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';

/** The wall clock jumps, and so do times measured by it, but not the ages of data in memory. */
const DAY = 86_400;

let tessera: TestTesseraServer;
beforeEach(async () => {
  tessera = await startTessera({ failuresPerMinute: 20 });
});
afterEach(() => tessera.close());

function ask(secret = tessera.secret('acme/shop/anything')) {
  return tessera.post('/auth/user/generateToken', {
    tenant_id: 'acme',
    project_id: 'shop',
    client_id: 'anything',
    email_id: 'ada@acme.example',
    secret_id: secret,
  });
}

async function token(): Promise<string> {
  const answer = await ask();
  expect(answer.status).toBe(200);
  return answer.body['access_token'] as string;
}

const nowSeconds = () => Math.floor(tessera.clock.nowMs() / 1000);
const profile = (bearer: string) => tessera.get('/auth/user/profile', { authorization: `Bearer ${bearer}` });

it.each([
  ['a day ahead', DAY],
  ['two minutes back', -120],
])('a token made after the clock went %s lives from that time, and verifies there', async (_, seconds) => {
  await token();
  tessera.clock.jumpSeconds(seconds);
  const later = await token();
  const claims = decodeJwt(later);
  expect(claims.iat).toBe(nowSeconds());
  expect(claims.exp).toBe(nowSeconds() + 900);
  const keys = createRemoteJWKSet(new URL(`${tessera.url}/tenants/acme/jwks.json`));
  await jwtVerify(later, keys, { currentDate: new Date(tessera.clock.nowMs()) });
  expect((await profile(later)).status).toBe(200);
});

it('a token made before the clock went back is refused as issued in the future, and accepted again at its time', async () => {
  const early = await token();
  tessera.clock.jumpSeconds(-DAY);
  expect((await profile(early)).refusal().status).toBe(401);
  tessera.clock.jumpSeconds(DAY);
  expect((await profile(early)).status).toBe(200);
});

it('a token made before the clock went ahead is expired, and its key is still published', async () => {
  const early = await token();
  tessera.clock.jumpSeconds(DAY);
  expect((await profile(early)).refusal().status).toBe(401);
  const { keys } = (await tessera.get('/tenants/acme/jwks.json')).body as { keys: { kid: string }[] };
  expect(keys.map(({ kid }) => kid)).toContain(decodeProtectedHeader(early).kid);
});

it('a clock before the time of its own keys issues no token that cannot be verified', async () => {
  tessera.clock.jumpSeconds(-30 * DAY);
  const answer = await ask();
  // Either no key signs yet, or the signing key is published. Never a token of a key that is in no set.
  if (answer.status === 200) {
    const keys = createRemoteJWKSet(new URL(`${tessera.url}/tenants/acme/jwks.json`));
    await jwtVerify(answer.body['access_token'] as string, keys, { currentDate: new Date(tessera.clock.nowMs()) });
  } else expect(answer.refusal().status).toBe(503);
  tessera.clock.jumpSeconds(30 * DAY);
  await token();
});

it('a `next` key that a jump makes active is published and signs', async () => {
  await tessera.cli(['keys', 'rotate', 'acme']);
  await tessera.caughtUp();
  const before = decodeProtectedHeader(await token()).kid;
  tessera.clock.jumpSeconds(DAY);
  const after = decodeProtectedHeader(await token()).kid;
  expect(after).not.toBe(before);
  const { keys } = (await tessera.get('/tenants/acme/jwks.json')).body as { keys: { kid: string }[] };
  expect(keys.map(({ kid }) => kid)).toContain(after);
  tessera.clock.jumpSeconds(-DAY);
  const back = decodeProtectedHeader(await token()).kid;
  expect((await tessera.get('/tenants/acme/jwks.json')).text).toContain(back);
});

it('a limit on failures is neither lifted nor made longer', async () => {
  for (let i = 0; i < 20; i += 1) expect((await ask('wrong')).status).toBe(401);
  for (const seconds of [DAY, -2 * DAY]) {
    tessera.clock.jumpSeconds(seconds);
    expect((await ask()).refusal().status).toBe(429);
  }
  tessera.clock.advanceSeconds(60);
  await token();
});

it('the expiry of a secret follows the wall clock, and caches their own age', async () => {
  const secret = await tessera.addSecret('acme/shop/anything', ['--expires-in', '1h']);
  expect((await ask(secret)).status).toBe(200);
  tessera.clock.jumpSeconds(3700);
  expect((await ask(secret)).refusal().status).toBe(401);
  tessera.clock.jumpSeconds(-3700);
  expect((await ask(secret)).status).toBe(200);
});
