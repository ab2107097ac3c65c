import type { ServerResponse } from 'node:http';
import { eventually } from '../../test/eventually.ts';
import { startStopwatch } from '../../test/stopwatch.ts';
import { ManualClock } from '../../test/manual-clock.ts';
import { json, newEcKey, TesseraServer, type TestKey } from '../../test/tessera-server.ts';
import { demandFreshRevocations, type RevocationOptions, TokenError, type TokenVerifier } from '../index.ts';
import { CloseSignal } from '../runtime/close-signal.ts';
import { RevocationFeed } from './revocation-feed.ts';
import { createVerifierWithClock } from '../verify/verifier.ts';

let server: TesseraServer;
let feed: FeedServer;
let clock: ManualClock;
let key: TestKey;
const verifiers: TokenVerifier[] = [];

beforeEach(async () => {
  server = await TesseraServer.start();
  feed = new FeedServer(server);
  clock = new ManualClock();
  key = newEcKey('k-1');
  server.publish('acme', key.publicJwk);
});

afterEach(async () => {
  for (const verifier of verifiers.splice(0)) verifier.close();
  await server.stop();
});

function newVerifier(revocations?: RevocationOptions, nowSeconds?: () => number): TokenVerifier {
  const verifier = createVerifierWithClock(
    {
      baseUrl: server.baseUrl,
      tenants: ['acme'],
      audience: 'shop-api',
      ...(revocations === undefined ? {} : { revocations }),
      ...(nowSeconds === undefined ? {} : { nowSeconds }),
    },
    clock,
  );
  verifiers.push(verifier);
  return verifier;
}

/** Answers like the real feed: immediately if there is something newer, otherwise when the test says so. */
class FeedServer {
  readonly waiting: { readonly after: number; readonly wait: number; readonly response: ServerResponse }[] = [];
  entries: object[] = [];
  sequence = 0;

  constructor(tessera: TesseraServer) {
    tessera.on('/revocations', (request, response) => {
      const query = new URL(request.url ?? '', 'http://x').searchParams;
      const after = Number(query.get('after'));
      const wait = Number(query.get('wait'));
      if (wait === 0 || this.sequence > after) this.#answer(after, response);
      else this.waiting.push({ after, wait, response });
    });
  }

  /** Adds an entry and answers all waiting requests. */
  revoke(entry: object): void {
    this.sequence++;
    this.entries.push({ seq: this.sequence, until: 4_000_000_000, ...entry });
    for (const { after, response } of this.waiting.splice(0)) this.#answer(after, response);
  }

  #answer(after: number, response: ServerResponse): void {
    const entries = this.entries.filter((entry) => (entry as { seq: number }).seq > after);
    response.end(JSON.stringify({ sequence: this.sequence, entries, more: false }));
  }
}

function feedRequests(): string[] {
  return server.requests.filter((url) => url.startsWith('/revocations'));
}

async function refusal(result: Promise<unknown>): Promise<TokenError> {
  try {
    await result;
  } catch (error) {
    expect(error).toBeInstanceOf(TokenError);
    return error as TokenError;
  }
  throw new Error('was accepted');
}

/** What a verifier answers for a good token before it has read the list. */
async function expectNothingKnown(verifier: TokenVerifier): Promise<void> {
  expect(await refusal(verifier.verify(server.token('acme', key)))).toMatchObject({
    code: 'REVOCATIONS_STALE',
    verdict: 'unavailable',
    retryAfterSeconds: 1,
  });
}

async function untilRefused(verifier: TokenVerifier, token: string): Promise<TokenError> {
  for (;;) {
    const result = await verifier.verify(token).catch((error: unknown) => error);
    if (result instanceof TokenError) return result;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('the feed of revocations', () => {
  it('counts as unanswered when its sequence goes back without a reset', async () => {
    let sequence = 5;
    server.on('/revocations', (_, response) => {
      response.end(JSON.stringify({ sequence: sequence--, entries: [], more: false }));
    });
    await newVerifier().verify(server.token('acme', key));
    await eventually('the second request, and a wait', () => feedRequests().length === 2 && clock.pendingTimers === 1);
    clock.advanceSeconds(1);
    await eventually('the third request', () => feedRequests().length === 3);
    expect(feedRequests().at(-1)).toBe('/revocations?after=5&wait=0&tenants=acme');
  });

  it('is asked without waiting first, then with at most half of the maximum age', async () => {
    const verifier = newVerifier();
    await verifier.verify(server.token('acme', key));
    await eventually('a waiting poll', () => feed.waiting.length === 1);
    expect(feedRequests()).toEqual([
      '/revocations?after=0&wait=0&tenants=acme',
      '/revocations?after=0&wait=15&tenants=acme',
    ]);
  });

  it('is read before the first token is accepted', async () => {
    feed.revoke({ iss: `${server.baseUrl}/tenants/acme`, kind: 'token', id: 'j-1' });
    expect((await refusal(newVerifier().verify(server.token('acme', key, { jti: 'j-1' })))).code).toBe('TOKEN_REVOKED');
  });

  it('takes effect while it is polled', async () => {
    const verifier = newVerifier();
    const token = server.token('acme', key, { jti: 'j-1' });
    await verifier.verify(token);
    await eventually('a waiting poll', () => feed.waiting.length === 1);
    feed.revoke({ iss: `${server.baseUrl}/tenants/acme`, kind: 'token', id: 'j-1' });
    expect((await untilRefused(verifier, token)).code).toBe('TOKEN_REVOKED');
    await eventually('a waiting poll', () => feed.waiting.length === 1);
    expect(feedRequests().at(-1)).toBe('/revocations?after=1&wait=15&tenants=acme');
    expect(await verifier.verify(server.token('acme', key, { jti: 'j-2' }))).toBeDefined();
  });

  it('causes no request for a token of an untrusted issuer', async () => {
    await refusal(newVerifier().verify(server.token('globex', key)));
    expect(server.requests).toEqual([]);
  });

  it.each([
    ['token', 'j-1'],
    ['subject', 'u-ada'],
    ['client', 'web'],
    ['key', 'k-1'],
    ['tenant', '*'],
    ['chain', 'j-0'],
  ])('revokes by %s', async (kind, id) => {
    const iss = `${server.baseUrl}/tenants/acme`;
    const claims = { jti: 'j-1', root: 'j-0' };
    feed.revoke({ iss, kind, id: `${id}x` });
    feed.revoke({ iss: `${iss}x`, kind, id });
    feed.revoke({ iss, kind: 'of-later', id });
    expect(await newVerifier().verify(server.token('acme', key, claims))).toBeDefined();
    feed.revoke({ iss, kind, id });
    expect((await refusal(newVerifier().verify(server.token('acme', key, claims)))).code).toBe('TOKEN_REVOKED');
  });

  it('hits tokens issued up to `before`, and is dropped after `until`', async () => {
    const now = Math.floor(Date.now() / 1_000);
    const iss = `${server.baseUrl}/tenants/acme`;
    feed.revoke({ iss, kind: 'subject', id: 'u-ada', before: now - 60 });
    feed.revoke({ iss, kind: 'client', id: 'web', until: now - 1 });
    const verifier = newVerifier();
    const issuedAt = (iat: number): string => server.token('acme', key, { iat });
    expect((await refusal(verifier.verify(issuedAt(now - 60)))).code).toBe('TOKEN_REVOKED');
    expect(await verifier.verify(issuedAt(now - 59))).toBeDefined();
  });

  it('is not dropped early while the clock runs ahead for a while', async () => {
    const start = Math.floor(Date.now() / 1_000);
    let ahead = 0;
    feed.revoke({ iss: `${server.baseUrl}/tenants/acme`, kind: 'token', id: 'j-1', until: start + 1_200 });
    const verifier = newVerifier(undefined, () => start + ahead);
    const token = server.token('acme', key, { jti: 'j-1' });
    expect((await refusal(verifier.verify(token))).code).toBe('TOKEN_REVOKED');
    ahead = 3_600;
    await eventually('a waiting poll', () => feed.waiting.length === 1);
    feed.revoke({ iss: `${server.baseUrl}/tenants/acme`, kind: 'token', id: 'j-2' });
    await eventually('a second waiting poll', () => feed.waiting.length === 1);
    ahead = 0;
    expect((await refusal(verifier.verify(token))).code).toBe('TOKEN_REVOKED');
  });

  it('starts from the beginning on reset, and applies its pages together', async () => {
    const iss = `${server.baseUrl}/tenants/acme`;
    const entry = (seq: number, id: string): object => ({ seq, iss, kind: 'token', id, until: 4_000_000_000 });
    const answers: Record<string, object> = {
      '0/0': { sequence: 9, entries: [entry(9, 'old')], more: false },
      '9/15': { sequence: 2, entries: [entry(2, 'a')], more: true, reset: true },
      '2/0': { sequence: 3, entries: [entry(3, 'b')], more: false },
    };
    server.on('/revocations', (request, response) => {
      const query = new URL(request.url ?? '', 'http://x').searchParams;
      const body = answers[`${query.get('after')}/${query.get('wait')}`];
      if (body !== undefined) response.end(JSON.stringify(body));
    });
    const verifier = newVerifier();
    const token = (jti: string): string => server.token('acme', key, { jti });
    expect((await refusal(verifier.verify(token('old')))).code).toBe('TOKEN_REVOKED');
    await eventually('a request after the last page', () =>
      feedRequests().at(-1)!.startsWith('/revocations?after=3&wait=15'),
    );
    expect(await verifier.verify(token('old'))).toBeDefined();
    for (const jti of ['a', 'b']) expect((await refusal(verifier.verify(token(jti)))).code).toBe('TOKEN_REVOKED');
  });

  it('that ignores `wait` is not polled in a tight loop', async () => {
    server.on('/revocations', json({ sequence: 0, entries: [], more: false }));
    await newVerifier().verify(server.token('acme', key));
    await eventually('the second request', () => feedRequests().length === 2);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(feedRequests()).toHaveLength(2);
    clock.advanceSeconds(1);
    await eventually('the third request', () => feedRequests().length === 3);
  });

  it('is not polled when no token came for the maximum age, and is asked immediately for the next token', async () => {
    const verifier = newVerifier();
    const token = server.token('acme', key, { jti: 'j-1' });
    await verifier.verify(token);
    await eventually('a waiting poll', () => feed.waiting.length === 1);
    clock.advanceSeconds(31);
    feed.revoke({ iss: 'https://elsewhere.example', kind: 'tenant', id: '*' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(feed.waiting).toHaveLength(0);
    feed.revoke({ iss: `${server.baseUrl}/tenants/acme`, kind: 'token', id: 'j-1' });
    expect((await refusal(verifier.verify(token))).code).toBe('TOKEN_REVOKED');
    expect(feedRequests()).toContain('/revocations?after=1&wait=0&tenants=acme');
  });
});

describe('a feed that does not answer', () => {
  it.each<[string, Parameters<TesseraServer['on']>[1]]>([
    ['404', json({}, 404)],
    ['500', json({}, 500)],
    ['no list', json({ sequence: 1 })],
    ['a sequence below zero', json({ sequence: -1, entries: [], more: false })],
    [
      'an entry without until',
      json({ sequence: 1, entries: [{ seq: 1, iss: 'x', kind: 'token', id: 'x' }], more: false }),
    ],
    [
      'an entry whose before is a string',
      json({
        sequence: 1,
        entries: [{ seq: 1, iss: 'x', kind: 'token', id: 'x', until: 1, before: '1' }],
        more: false,
      }),
    ],
    ['`more` without progress', json({ sequence: 0, entries: [], more: true })],
  ])('(%s) lets the verifier accept no token, and is asked again after 1 s, 2 s, 4 s', async (_, handler) => {
    server.on('/revocations', handler);
    const verifier = newVerifier();
    await expectNothingKnown(verifier);
    let tries = 1;
    for (const pause of [1, 2, 4]) {
      await eventually('a wait', () => clock.pendingTimers === 1);
      clock.advanceSeconds(pause - 0.1);
      expect(feedRequests()).toHaveLength(tries);
      clock.advanceSeconds(0.1);
      tries++;
      await eventually('the next try', () => feedRequests().length === tries);
    }
    expect(() => {
      demandFreshRevocations(verifier);
    }).toThrow('REVOCATIONS_STALE');
  });

  it.each<RevocationOptions['whenStale']>(['accept', 'refuse'])(
    'from the start lets the verifier accept no token until it answers, with whenStale: %s',
    async (whenStale) => {
      server.on('/revocations', json({}, 500));
      const verifier = newVerifier({ whenStale: whenStale! });
      await expectNothingKnown(verifier);
      expect((await refusal(verifier.hydrate())).code).toBe('REVOCATIONS_STALE');
      new FeedServer(server);
      await eventually('a wait', () => clock.pendingTimers === 1);
      clock.advanceSeconds(2);
      const token = server.token('acme', key);
      await eventually('a list', () => verifier.verify(token).then(Boolean, () => false));
    },
  );

  it('any more leaves the last list in use, unless whenStale is refuse', async () => {
    feed.revoke({ iss: `${server.baseUrl}/tenants/acme`, kind: 'token', id: 'j-1' });
    const [accepting, refusing] = [newVerifier(), newVerifier({ whenStale: 'refuse' })];
    await Promise.all([accepting, refusing].map((verifier) => verifier.hydrate()));
    await eventually('two waiting polls', () => feed.waiting.length === 2);
    server.on('/revocations', json({}, 500));
    clock.advanceSeconds(31);
    const [token, revoked] = [server.token('acme', key), server.token('acme', key, { jti: 'j-1' })];
    expect(await accepting.verify(token)).toBeDefined();
    expect((await refusal(accepting.verify(revoked))).code).toBe('TOKEN_REVOKED');
    expect((await refusal(refusing.verify(token))).code).toBe('REVOCATIONS_STALE');
  });

  it('is asked immediately by hydrate', async () => {
    server.on('/revocations', json({}, 500));
    const verifier = newVerifier();
    await expectNothingKnown(verifier);
    await eventually('a wait', () => clock.pendingTimers === 1);
    new FeedServer(server);
    await verifier.hydrate();
    expect(await verifier.verify(server.token('acme', key))).toBeDefined();
  });

  it('to the last page lets the verifier accept no token: a partial list is not used', async () => {
    const iss = `${server.baseUrl}/tenants/acme`;
    let answered = 0;
    server.on('/revocations', (_, response) => {
      if (++answered > 3) return;
      const entries = [{ seq: answered, iss, kind: 'token', id: `j-${answered}`, until: 4_000_000_000 }];
      response.end(JSON.stringify({ sequence: answered, entries, more: true }));
    });
    const verifier = newVerifier();
    const isWaiting = verifier.hydrate().catch((error: unknown) => error);
    await eventually('the fourth request', () => feedRequests().length === 4);
    clock.advanceSeconds(2);
    expect(await isWaiting).toMatchObject({ code: 'REVOCATIONS_STALE' });
    await expectNothingKnown(verifier);
    expect((await refusal(verifier.verify(server.token('acme', key, { jti: 'j-3' })))).code).toBe('TOKEN_REVOKED');
  });

  it('is stale `maxStaleSeconds` after its last answer', async () => {
    const verifier = newVerifier({ whenStale: 'refuse', maxStaleSeconds: 10 });
    const token = server.token('acme', key);
    await verifier.verify(token);
    await eventually('a waiting poll', () => feed.waiting.length === 1);
    expect(feedRequests().at(-1)).toBe('/revocations?after=0&wait=5&tenants=acme');
    clock.advanceSeconds(10);
    expect(await verifier.verify(token)).toBeDefined();
    demandFreshRevocations(verifier);
    clock.advanceSeconds(0.1);
    expect((await refusal(verifier.verify(token))).code).toBe('REVOCATIONS_STALE');
  });

  it('and hangs delays no token for longer than the deadline', async () => {
    server.on('/revocations', () => undefined);
    const verifier = createVerifierWithClock(
      { baseUrl: server.baseUrl, tenants: ['acme'], audience: 'shop-api', keys: { timeoutMilliseconds: 200 } },
      clock,
    );
    verifiers.push(verifier);
    const stopwatch = startStopwatch();
    await expectNothingKnown(verifier);
    // Well below the default.
    expect(stopwatch.stop()).toBeLessThan(1_500);
  });

  it('is not asked after close', async () => {
    server.on('/revocations', json({}, 500));
    const verifier = newVerifier();
    await expectNothingKnown(verifier);
    await eventually('a wait', () => clock.pendingTimers === 1);
    verifier.close();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a list whose entries were replaced', () => {
  const iss = (): string => `${server.baseUrl}/tenants/acme`;
  const fold = (replaces: number): object => ({ iss: iss(), kind: 'client', id: 'web', before: 1, replaces });

  it('is read again when half of it was replaced, and stays in force until then', async () => {
    for (let index = 0; index < 1_000; index++) feed.revoke({ iss: iss(), kind: 'token', id: `j-${index}` });
    const verifier = newVerifier();
    await verifier.hydrate();
    await eventually('a waiting poll', () => feed.waiting.length === 1);
    feed.entries = [];
    feed.revoke(fold(999));
    await eventually('a second waiting poll', () => feed.waiting.length === 1);
    expect(feedRequests().filter((url) => url.includes('after=0'))).toHaveLength(1);
    const replaced = server.token('acme', key, { jti: 'j-7' });
    expect((await refusal(verifier.verify(replaced))).code).toBe('TOKEN_REVOKED');
    feed.entries = [];
    feed.revoke(fold(1));
    await eventually('a second reading', () => feedRequests().filter((url) => url.includes('after=0')).length === 2);
    await eventually('a third waiting poll', () => feed.waiting.length === 1);
    expect(await verifier.verify(replaced)).toBeDefined();
    expect((await refusal(verifier.verify(server.token('acme', key, { iat: 1, exp: 2 })))).code).toBe('TOKEN_EXPIRED');
  });

  it('causes no second reading for a poller that starts with it', async () => {
    feed.revoke(fold(5_000));
    const verifier = newVerifier();
    await verifier.hydrate();
    await eventually('a waiting poll', () => feed.waiting.length === 1);
    expect(feedRequests()).toHaveLength(2);
  });
});

describe('a feed that never ends', () => {
  it('gives no list: nothing beyond the bound is kept', async () => {
    let answers = 0;
    server.on('/revocations', (_, response) => {
      const entry = { seq: ++answers, iss: 'x', kind: 'token', id: 'x', until: 4_000_000_000 };
      response.end(JSON.stringify({ sequence: answers, entries: Array<object>(10).fill(entry), more: true }));
    });
    const closing = new CloseSignal();
    const settings = {
      url: `${server.baseUrl}/revocations`,
      filter: '',
      maxStaleMs: 30_000,
      maxEntries: 95,
      timeoutMs: 2_000,
      longestPauseMs: 30_000,
      nowSeconds: () => 0,
      isFollowed: () => true,
    };
    const followed = new RevocationFeed(settings, clock, closing);
    await followed.ready();
    expect([answers, followed.isKnown]).toEqual([10, false]);
    closing.close();
  });
});

describe('several Tesseras', () => {
  let other: TesseraServer;
  let otherFeed: FeedServer;
  let otherKey: TestKey;
  beforeEach(async () => {
    other = await TesseraServer.start();
    otherFeed = new FeedServer(other);
    otherKey = newEcKey('k-2');
    other.publish('globex', otherKey.publicJwk);
  });
  afterEach(() => other.stop());

  function verifierOfBoth(): TokenVerifier {
    const issuers = [`${server.baseUrl}/tenants/acme`, `${other.baseUrl}/tenants/globex`];
    const verifier = createVerifierWithClock({ issuers, audience: 'shop-api' }, clock);
    verifiers.push(verifier);
    return verifier;
  }

  it('are polled each, for its own issuers only', async () => {
    feed.revoke({ iss: `${server.baseUrl}/tenants/acme`, kind: 'token', id: 'j-1' });
    feed.revoke({ iss: `${other.baseUrl}/tenants/globex`, kind: 'tenant', id: '*' });
    otherFeed.revoke({ iss: `${other.baseUrl}/tenants/globex`, kind: 'token', id: 'j-2' });
    const verifier = verifierOfBoth();
    expect((await refusal(verifier.verify(server.token('acme', key, { jti: 'j-1' })))).code).toBe('TOKEN_REVOKED');
    expect((await refusal(verifier.verify(other.token('globex', otherKey, { jti: 'j-2' })))).code).toBe(
      'TOKEN_REVOKED',
    );
    expect(await verifier.verify(other.token('globex', otherKey))).toBeDefined();
    expect(feedRequests()[0]).toBe('/revocations?after=0&wait=0&tenants=acme');
    expect(other.requests).toContain('/revocations?after=0&wait=0&tenants=globex');
  });

  it('do not wait for each other: one that is down delays its own tokens only', async () => {
    other.on('/revocations', json({}, 500));
    const verifier = verifierOfBoth();
    const token = await verifier.verify(server.token('acme', key));
    expect((await refusal(verifier.verify(other.token('globex', otherKey)))).code).toBe('REVOCATIONS_STALE');
    demandFreshRevocations(verifier, token);
    expect(() => {
      demandFreshRevocations(verifier);
    }).toThrow('REVOCATIONS_STALE');
  });
});

describe('demandFreshRevocations', () => {
  it('refuses a verifier without revocations', () => {
    const off = createVerifierWithClock(
      { baseUrl: server.baseUrl, tenants: ['acme'], audience: 'a', revocations: 'off' },
      clock,
    );
    expect(() => {
      demandFreshRevocations(off);
    }).toThrow('REVOCATIONS_STALE');
    expect(() => {
      demandFreshRevocations({} as TokenVerifier);
    }).toThrow('REVOCATIONS_STALE');
  });

  it('accepts your own list', () => {
    demandFreshRevocations(newVerifier({ source: { isRevoked: () => false } }));
  });
});
