import type { Answer } from '../../support/requests/answer.ts';
import { basic } from '../../support/requests/basic-credentials.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';
import { TENANTS_FILE } from '../../support/fixtures/tenants-file.ts';
import { replaceOnce } from '../../../libs/token/test/replace-once.ts';

/**
 * Twenty failures a minute from one source for one client, and no more. The peer's address is the source; 127.0.0.2 and 127.0.0.1 are different
 * sources.
 */
const LIMIT = 20;
let tessera: TestTesseraServer;
beforeAll(async () => {
  tessera = await startTessera({ failuresPerMinute: LIMIT });
});
afterAll(() => tessera.close());
// Drops all counts and the list of sources that authenticated.
beforeEach(() => {
  tessera.clock.advanceSeconds(601);
});

function bodyOf({ client = 'anything', email = 'ada@acme.example', secret = undefined as string | undefined }) {
  return { tenant_id: 'acme', project_id: 'shop', client_id: client, email_id: email, secret_id: secret };
}

function ask(secret: string, { client = 'anything', email = 'ada@acme.example', from = '127.0.0.1' } = {}) {
  return tessera.postFrom(from, '/auth/user/generateToken', bodyOf({ client, email, secret }));
}

async function fail(times: number, options: Parameters<typeof ask>[1] = {}): Promise<void> {
  for (let attempt = 0; attempt < times; attempt += 1) expect((await ask('wrong', options)).refusal().status).toBe(401);
}

it('answers 429 with Retry-After after twenty wrong secrets, with the right secret too', async () => {
  await fail(LIMIT);
  const answer = await ask(tessera.secret('acme/shop/anything'));
  expect(answer.refusal()).toEqual({ status: 429, error: 'too_many_requests', title: 'Too many requests' });
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
});

it('accepts the right secret after nineteen wrong ones', async () => {
  await fail(LIMIT - 1);
  expect((await ask(tessera.secret('acme/shop/anything'))).status).toBe(200);
});

it('leaves other sources and other clients unharmed', async () => {
  await fail(LIMIT);
  expect((await ask(tessera.secret('acme/shop/anything'), { from: '127.0.0.2' })).status).toBe(200);
  expect((await ask(tessera.secret('acme/shop/reader'), { client: 'reader' })).status).toBe(200);
});

it('opens again when the minute is over', async () => {
  await fail(LIMIT);
  tessera.clock.advanceSeconds(60);
  expect((await ask(tessera.secret('acme/shop/anything'))).status).toBe(200);
});

it('does not count successes', async () => {
  for (let attempt = 0; attempt < 2 * LIMIT; attempt += 1) {
    expect((await ask(tessera.secret('acme/shop/anything'))).status).toBe(200);
  }
});

it('does not lock out the right secret when requests without a secret fail', async () => {
  const send = () => tessera.post('/auth/user/generateToken', bodyOf({ secret: undefined }));
  for (let attempt = 0; attempt < LIMIT; attempt += 1) expect((await send()).refusal().status).toBe(401);
  expect((await send()).refusal().status).toBe(429);
  expect((await ask(tessera.secret('acme/shop/anything'))).status).toBe(200);
});

describe('a source that fails with many different names', () => {
  const guess = (name: string) => ask('x', { client: `guess-${name}` });
  const exceed = async (before = 0) => {
    for (let index = before; index < 10 * LIMIT; index += 1)
      expect((await guess(`${index}`)).refusal().status).toBe(404);
  };
  const expectSlowed = (answer: Answer) => {
    expect(answer.refusal()).toEqual({ status: 429, error: 'too_many_requests', title: 'Too many requests' });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(Number(answer.headers.get('retry-after'))).toBeLessThanOrEqual(10);
  };

  it('learns nothing more about names or secrets, and writes no more rows', async () => {
    await exceed();
    const rows = tessera.auditRows();
    expectSlowed(await guess('more'));
    expectSlowed(await ask('wrong', { client: 'reader' }));
    expectSlowed(await ask('wrong', { client: 'reader' }));
    expect(tessera.auditRows()).toBe(rows);
    expect((await ask('x', { client: 'guess-9', from: '127.0.0.2' })).refusal().status).toBe(404);
  });

  it('does not lock out a client with the right secret while it continues', async () => {
    await exceed();
    const { anything, reader } = {
      anything: tessera.secret('acme/shop/anything'),
      reader: tessera.secret('acme/shop/reader'),
    };
    for (let round = 0; round < 30; round += 1) {
      expectSlowed(await guess(`again-${round}`));
      expect((await ask(anything)).status).toBe(200);
    }
    const status = await tessera.postForm('/tenants/acme/introspect', { token: 'x' }, basic('shop/reader', reader));
    expect(status.status).toBe(200);
  });

  it('lets the right secret succeed within seconds after guesses for the same client', async () => {
    await fail(5);
    await exceed(5);
    const early = await ask(tessera.secret('acme/shop/anything'));
    expectSlowed(early);
    tessera.clock.advanceSeconds(Number(early.headers.get('retry-after')));
    expect((await ask(tessera.secret('acme/shop/anything'))).status).toBe(200);
    // The client is known now: guesses for it no longer delay it, until its own limit of twenty.
    expect((await ask('wrong')).refusal().status).toBe(401);
    expect((await ask(tessera.secret('acme/shop/anything'))).status).toBe(200);
  });

  it('is closed to a client for which it has failed twenty times', async () => {
    await fail(LIMIT);
    await exceed(LIMIT);
    const answer = await ask(tessera.secret('acme/shop/anything'));
    expect(answer.refusal().status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(10);
  });
});

describe('a client with the right secret', () => {
  const right = (options: Parameters<typeof ask>[1] = {}) => ask(tessera.secret('acme/shop/anything'), options);
  const byClient = () => basic('shop/anything', tessera.secret('acme/shop/anything'));

  it('is not locked out by requests for unknown users', async () => {
    for (let person = 0; person < 3 * LIMIT; person += 1)
      expect((await right({ email: `nobody-${person}@acme.example` })).refusal().status).toBe(401);
    const minted = await right();
    expect(minted.status).toBe(200);
    const form = { token: minted.body['access_token'] as string };
    expect((await tessera.postForm('/tenants/acme/introspect', form, byClient())).body['active']).toBe(true);
    expect((await tessera.postForm('/tenants/acme/revoke', form, byClient())).status).toBe(200);
  });

  it('is limited for one user that it requests repeatedly, and for no other', async () => {
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 150; attempt += 1)
      statuses.push((await right({ email: 'nobody@acme.example' })).refusal().status);
    expect(statuses).toEqual([...Array<number>(LIMIT).fill(401), ...Array<number>(150 - LIMIT).fill(429)]);
    expect((await right()).status).toBe(200);
    expect((await right({ email: 'nobody@acme.example', from: '127.0.0.2' })).refusal().status).toBe(401);
    expect(tessera.log()).toContain('too many failures, per subject');
    expect(tessera.log()).not.toContain('nobody@acme.example');
  });

  it('gets the token as soon as the user exists', async () => {
    for (let attempt = 0; attempt <= LIMIT; attempt += 1) await right({ email: 'late@acme.example' });
    await tessera.apply(
      replaceOnce(TENANTS_FILE, 'users:', 'users:\n      - { id: u-late, email: late@acme.example, roles: [] }'),
    );
    // Grants are cached for five seconds.
    tessera.clock.advanceSeconds(6);
    expect((await right({ email: 'late@acme.example' })).status).toBe(200);
  });

  it('is served as soon as it exists', async () => {
    const asLate = (secret: string) => ask(secret, { client: 'late' });
    for (let attempt = 0; attempt < LIMIT; attempt += 1) expect((await asLate('x')).refusal().status).toBe(404);
    expect((await asLate('x')).refusal().status).toBe(429);
    await tessera.apply(
      replaceOnce(
        TENANTS_FILE,
        '- id: reader',
        '- { id: late, surfaces: [user], scopes: unbounded, subjects: any }\n          - id: reader',
      ),
    );
    expect((await asLate(tessera.secret('acme/shop/late'))).status).toBe(200);
  });

  it('is served as soon as it is active again', async () => {
    const asGone = () => ask(tessera.secret('acme/shop/gone'), { client: 'gone' });
    for (let attempt = 0; attempt < LIMIT; attempt += 1) expect((await asGone()).refusal().status).toBe(401);
    expect((await asGone()).refusal().status).toBe(429);
    await tessera.apply(replaceOnce(TENANTS_FILE, 'status: disabled', 'status: active'));
    expect((await asGone()).status).toBe(200);
  });

  it('that needs none is limited as a whole, because an e-mail address is all that it sends', async () => {
    const asKiosk = (email: string) =>
      tessera.post('/auth/user/generateToken', bodyOf({ client: 'kiosk', email, secret: undefined }));
    for (let person = 0; person < LIMIT; person += 1)
      expect((await asKiosk(`nobody-${person}@acme.example`)).refusal().status).toBe(401);
    expect((await asKiosk('ada@acme.example')).refusal().status).toBe(429);
  });
});

it('checks at most twenty of a hundred wrong secrets that arrive at once', async () => {
  const answers = await Promise.all(Array.from({ length: 100 }, () => ask('wrong')));
  const judged = answers.filter((answer) => answer.status === 401).length;
  expect(judged).toBeGreaterThan(0);
  expect(judged).toBeLessThanOrEqual(LIMIT);
});

it('does not write a row for a limited request', async () => {
  await fail(LIMIT);
  const before = tessera.auditRows();
  await ask('wrong');
  expect(tessera.auditRows()).toBe(before);
});
