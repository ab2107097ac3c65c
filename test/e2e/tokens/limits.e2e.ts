import { startTessera, type TestDesk } from '../../support/tessera.ts';

/** Twenty failures a minute from one source for one client, and no more. The peer's address is the source; 127.0.0.2 is another than 127.0.0.1. */
const LIMIT = 20;
let desk: TestDesk;
beforeEach(async () => {
  desk = await startTessera({ failuresPerMinute: LIMIT });
});
afterEach(() => desk.close());

function ask(secret: string, { client = 'anything', email = 'ada@acme.example', from = '127.0.0.1' } = {}) {
  const body = { tenant_id: 'acme', project_id: 'shop', client_id: client, email_id: email, secret_id: secret };
  return desk.postFrom(from, '/auth/user/generateToken', body);
}

async function fail(times: number, options: Parameters<typeof ask>[1] = {}): Promise<void> {
  for (let attempt = 0; attempt < times; attempt += 1) expect((await ask('wrong', options)).refusal().status).toBe(401);
}

it('answers 429 with Retry-After after twenty wrong secrets, with the right secret too', async () => {
  await fail(LIMIT);
  const answer = await ask(desk.secret('acme/shop/anything'));
  expect(answer.refusal()).toEqual({ status: 429, error: 'too_many_requests', title: 'Too many requests' });
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
});

it('accepts the right secret after nineteen wrong ones', async () => {
  await fail(LIMIT - 1);
  expect((await ask(desk.secret('acme/shop/anything'))).status).toBe(200);
});

it('leaves other sources and other clients unharmed', async () => {
  await fail(LIMIT);
  expect((await ask(desk.secret('acme/shop/anything'), { from: '127.0.0.2' })).status).toBe(200);
  expect((await ask(desk.secret('acme/shop/reader'), { client: 'reader' })).status).toBe(200);
});

it('opens again when the minute is over', async () => {
  await fail(LIMIT);
  desk.clock.advanceSeconds(60);
  expect((await ask(desk.secret('acme/shop/anything'))).status).toBe(200);
});

it('does not count successes', async () => {
  for (let attempt = 0; attempt < 2 * LIMIT; attempt += 1) {
    expect((await ask(desk.secret('acme/shop/anything'))).status).toBe(200);
  }
});

it('counts guesses at names over all clients, ten times as many', async () => {
  const guess = (index: number) => ask('x', { client: `guess-${index}` });
  for (let index = 0; index < 10 * LIMIT; index += 1) expect((await guess(index)).refusal().status).toBe(404);
  expect((await guess(999)).refusal().status).toBe(429);
  expect((await ask(desk.secret('acme/shop/anything'))).refusal().status).toBe(429);
  expect((await ask(desk.secret('acme/shop/anything'), { from: '127.0.0.2' })).status).toBe(200);
});

it('judges no more than twenty of a hundred wrong secrets that come at once', async () => {
  const answers = await Promise.all(Array.from({ length: 100 }, () => ask('wrong')));
  const judged = answers.filter((answer) => answer.status === 401).length;
  expect(judged).toBeGreaterThan(0);
  expect(judged).toBeLessThanOrEqual(LIMIT);
});

it('does not write a row for a request that was limited', async () => {
  await fail(LIMIT);
  const before = desk.auditRows();
  await ask('wrong');
  expect(desk.auditRows()).toBe(before);
});
