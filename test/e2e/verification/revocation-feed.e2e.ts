import { RevocationRecords } from '../../../src/revocation/revocation-records.ts';
import { createControlPlane } from '../../../src/control-plane/control-plane.ts';
import { revocationOfAll } from '../../../src/revocation/new-revocations.ts';
import type { Answer } from '../../support/requests/answer.ts';
import { issuedToken } from '../../support/requests/attack-material.ts';
import { eventually } from '../../../libs/token/test/eventually.ts';
import { collectingLog, tenantId } from '../../../src/testing/storage.ts';
import { startTessera, type TestTesseraServer } from '../../support/tessera/tessera.ts';
import { startStopwatch } from '../../../libs/token/test/stopwatch.ts';

/** The documented behavior of the feed, over HTTP. All tests share one list: each starts from its current state. */
let tessera: TestTesseraServer;
beforeAll(async () => {
  tessera = await startTessera();
});
afterAll(() => tessera.close());

interface Feed {
  readonly sequence: number;
  readonly entries: readonly Readonly<Record<string, unknown>>[];
  readonly more: boolean;
  readonly reset?: true;
}

const ask = (query: string): Promise<Answer> => tessera.get(`/revocations${query}`);
const feed = async (query: string) => JSON.parse((await ask(query)).text) as Feed;

async function revokeOne(): Promise<string> {
  const token = await issuedToken(tessera, 'user');
  const answer = await tessera.postForm('/tenants/acme/revoke', {
    token,
    client_id: 'shop/web',
    client_secret: tessera.secret('acme/shop/web'),
  });
  expect(answer.status).toBe(200);
  return (JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { jti: string }).jti;
}

/** Like another process: the server has to notice the revocation by itself. */
async function revokeElsewhere(id: string, tenant = 'acme'): Promise<void> {
  const controlPlane = createControlPlane(tessera.config, collectingLog().log);
  const now = Math.floor(tessera.clock.nowMs() / 1000);
  await new RevocationRecords(controlPlane).add([revocationOfAll(tenantId(tenant), 'subject', id, now)]);
  await controlPlane.close();
}

const now = async () => (await feed('')).sequence;

it('is empty, public and never cached at first', async () => {
  const answer = await ask('?after=0&wait=0');
  expect([answer.status, answer.text]).toEqual([200, '{"sequence":0,"entries":[],"more":false}']);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect((await ask('')).text).toBe(answer.text);
});

it('lists revocations from the requested number', async () => {
  const start = await now();
  const jti = await revokeOne();
  const iss = `${tessera.url}/tenants/acme`;
  expect(await feed(`?after=${start}&wait=0`)).toEqual({
    sequence: start + 1,
    entries: [{ seq: start + 1, iss, kind: 'token', id: jti, until: expect.any(Number) }],
    more: false,
  });
  await revokeOne();
  expect((await feed(`?after=${start + 1}&wait=0`)).entries.map(({ seq }) => seq)).toEqual([start + 2]);
  expect(await feed(`?after=${start + 7}&wait=20`)).toMatchObject({ sequence: start + 2, reset: true, more: false });
});

it('answers at the end of the wait if there is no news', async () => {
  const sequence = await now();
  const startedAt = performance.now();
  expect(await feed(`?after=${sequence}&wait=1`)).toEqual({ sequence, entries: [], more: false });
  expect(performance.now() - startedAt).toBeGreaterThan(950);
});

it.each([
  ['its own process', revokeOne],
  ['another process', () => revokeElsewhere('u-carol')],
])('answers waiting requests immediately with revocations by %s', async (_where, revoke) => {
  const start = await now();
  const waiting = Promise.all(Array.from({ length: 50 }, () => feed(`?after=${start}&wait=20`)));
  await eventually('all wait', async () => (await followers()) === 50);
  await revoke();
  const stopwatch = startStopwatch();
  for (const answer of await waiting) expect(answer.sequence).toBe(start + 1);
  expect(stopwatch.stop()).toBeLessThan(2_000);
});

describe('for some tenants', () => {
  it('has their entries, and answers waiting requests only with their news', async () => {
    const start = await now();
    let isAnswered = false;
    const waiting = feed(`?after=${start}&wait=20&tenants=acme`).finally(() => (isAnswered = true));
    await eventually('one waits', async () => (await followers()) === 1);
    await revokeElsewhere('u-dave', 'globex');
    await eventually('the other tenant’s is known', async () => (await now()) === start + 1);
    expect(isAnswered).toBe(false);
    await revokeElsewhere('u-dave');
    expect(await waiting).toMatchObject({ sequence: start + 2, entries: [{ seq: start + 2, id: 'u-dave' }] });
    expect((await feed(`?after=${start}&tenants=globex,nobody`)).entries.map(({ seq }) => seq)).toEqual([start + 1]);
  });

  it('is answered at the end of the wait with the newest number of all tenants', async () => {
    const start = await now();
    const waiting = feed(`?after=${start}&wait=3&tenants=acme`);
    await eventually('one waits', async () => (await followers()) === 1);
    await revokeElsewhere('u-dave', 'globex');
    await tessera.caughtUp();
    expect(await waiting).toEqual({ sequence: start + 1, entries: [], more: false });
  });
});

it('is used by the server’s own guards within 2 s, whatever process wrote it', async () => {
  const profile = async (token: string) =>
    (await tessera.get('/auth/user/profile', { authorization: `Bearer ${token}` })).status;
  const token = await issuedToken(tessera, 'user');
  expect(await profile(token)).toBe(200);
  await revokeElsewhere('u-ada');
  const stopwatch = startStopwatch();
  await eventually('the guard refuses', async () => (await profile(token)) === 401);
  expect(stopwatch.stop()).toBeLessThan(2_000);
  // Tokens of the same second are revoked, too.
  tessera.clock.advanceSeconds(1);
  expect(await profile(await issuedToken(tessera, 'user'))).toBe(200);
});

it('drops expired entries', async () => {
  await revokeOne();
  const sequence = await now();
  tessera.clock.advanceSeconds(86_400 + 301);
  await tessera.caughtUp();
  expect(await feed('?after=0&wait=0')).toEqual({ sequence, entries: [], more: false });
});

it.each([
  '?after=-1',
  '?after=1.5',
  '?after=x',
  '?after=01',
  '?wait=21',
  '?wait=-1',
  '?after=1&after=2',
  '?after=9007199254740993',
  '?wait=',
  '?tenants=',
  '?tenants=Acme',
  '?tenants=acme,',
  '?tenants=acme&tenants=globex',
])('rejects %s', async (query) => {
  expect((await ask(query)).refusal()).toMatchObject({ status: 400, error: 'invalid_request' });
});

it('rejects more than 500 tenants', async () => {
  const query = (count: number) => `?tenants=${Array.from({ length: count }, (_, index) => `t${index}`).join(',')}`;
  expect((await ask(query(501))).refusal()).toMatchObject({ status: 400, error: 'invalid_request' });
  expect((await ask(query(500))).status).toBe(200);
});

it('releases requests whose client left', async () => {
  const abort = new AbortController();
  const left = fetch(`${tessera.url}/revocations?after=${await now()}&wait=20`, { signal: abort.signal }).catch(
    () => undefined,
  );
  await eventually('one waits', async () => (await followers()) === 1);
  abort.abort();
  await left;
  await eventually('nobody waits', async () => (await followers()) === 0);
});

it('answers all waiting requests when the server shuts down', async () => {
  const other = await startTessera();
  const waiting = fetch(`${other.url}/revocations?after=0&wait=20`).then((answer) => answer.json());
  await eventually('one waits', async () => (await followers(other)) === 1);
  const stopwatch = startStopwatch();
  await other.close();
  expect(await waiting).toEqual({ sequence: 0, entries: [], more: false });
  expect(stopwatch.stop()).toBeLessThan(3_000);
});

async function followers(of: TestTesseraServer = tessera): Promise<number> {
  const metrics = await of.get('/metrics');
  return Number(/^tessera_revocation_followers (\d+)$/m.exec(metrics.text)?.[1]);
}
