import type { ServerResponse } from 'node:http';
import { eventually } from '../test/eventually.ts';
import { ManualClock } from '../test/manual-clock.ts';
import { json, newEcKey, TesseraServer, type TestKey } from '../test/tessera-server.ts';
import { demandFreshRevocations, type RevocationOptions, TokenError, type TokenVerifier } from './index.ts';
import { createVerifierWithClock } from './verifier.ts';

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

/** Answers as the description of the feed says: at once when something is newer, else when the test lets it. */
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

  /** Adds an entry; whoever waits is told. */
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
  throw new Error('was let in');
}

async function untilRefused(verifier: TokenVerifier, token: string): Promise<TokenError> {
  for (;;) {
    const result = await verifier.verify(token).catch((error: unknown) => error);
    if (result instanceof TokenError) return result;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('the feed of revocations', () => {
  it('that goes back without a reset gives no answer', async () => {
    let sequence = 5;
    server.on('/revocations', (_, response) => {
      response.end(JSON.stringify({ sequence: sequence--, entries: [], more: false }));
    });
    await newVerifier().verify(server.token('acme', key));
    await eventually('the second question, and a wait', () => feedRequests().length === 2 && clock.pendingTimers === 1);
    clock.advanceSeconds(1);
    await eventually('the third question', () => feedRequests().length === 3);
    expect(feedRequests().at(-1)).toBe('/revocations?after=5&wait=0');
  });

  it('is asked without waiting first, then with at most half of the stale time', async () => {
    const verifier = newVerifier();
    await verifier.verify(server.token('acme', key));
    await eventually('a follower that waits', () => feed.waiting.length === 1);
    expect(feedRequests()).toEqual(['/revocations?after=0&wait=0', '/revocations?after=0&wait=15']);
  });

  it('is known before the first token is let in', async () => {
    feed.revoke({ iss: `${server.baseUrl}/tenants/acme`, kind: 'token', id: 'j-1' });
    expect((await refusal(newVerifier().verify(server.token('acme', key, { jti: 'j-1' })))).code).toBe('TOKEN_REVOKED');
  });

  it('is felt while it is followed', async () => {
    const verifier = newVerifier();
    const token = server.token('acme', key, { jti: 'j-1' });
    await verifier.verify(token);
    await eventually('a follower that waits', () => feed.waiting.length === 1);
    feed.revoke({ iss: `${server.baseUrl}/tenants/acme`, kind: 'token', id: 'j-1' });
    expect((await untilRefused(verifier, token)).code).toBe('TOKEN_REVOKED');
    await eventually('a follower that waits', () => feed.waiting.length === 1);
    expect(feedRequests().at(-1)).toBe('/revocations?after=1&wait=15');
    expect(await verifier.verify(server.token('acme', key, { jti: 'j-2' }))).toBeDefined();
  });

  it('causes no request for a token of a stranger', async () => {
    await refusal(newVerifier().verify(server.token('globex', key)));
    expect(server.requests).toEqual([]);
  });

  it.each([
    ['token', 'j-1'],
    ['subject', 'u-ada'],
    ['client', 'web'],
    ['key', 'k-1'],
    ['tenant', '*'],
  ])('revokes by %s', async (kind, id) => {
    const iss = `${server.baseUrl}/tenants/acme`;
    const claims = { jti: 'j-1' };
    feed.revoke({ iss, kind, id: `${id}x` });
    feed.revoke({ iss: `${iss}x`, kind, id });
    feed.revoke({ iss, kind: 'of-later', id });
    expect(await newVerifier().verify(server.token('acme', key, claims))).toBeDefined();
    feed.revoke({ iss, kind, id });
    expect((await refusal(newVerifier().verify(server.token('acme', key, claims)))).code).toBe('TOKEN_REVOKED');
  });

  it('hits tokens issued up to `before`, and is forgotten after `until`', async () => {
    const now = Math.floor(Date.now() / 1_000);
    const iss = `${server.baseUrl}/tenants/acme`;
    feed.revoke({ iss, kind: 'subject', id: 'u-ada', before: now - 60 });
    feed.revoke({ iss, kind: 'client', id: 'web', until: now - 1 });
    const verifier = newVerifier();
    const issuedAt = (iat: number): string => server.token('acme', key, { iat });
    expect((await refusal(verifier.verify(issuedAt(now - 60)))).code).toBe('TOKEN_REVOKED');
    expect(await verifier.verify(issuedAt(now - 59))).toBeDefined();
  });

  it('is not forgotten for a clock that runs ahead for a while', async () => {
    const start = Math.floor(Date.now() / 1_000);
    let ahead = 0;
    feed.revoke({ iss: `${server.baseUrl}/tenants/acme`, kind: 'token', id: 'j-1', until: start + 1_200 });
    const verifier = newVerifier(undefined, () => start + ahead);
    const token = server.token('acme', key, { jti: 'j-1' });
    expect((await refusal(verifier.verify(token))).code).toBe('TOKEN_REVOKED');
    ahead = 3_600;
    await eventually('a follower that waits', () => feed.waiting.length === 1);
    feed.revoke({ iss: `${server.baseUrl}/tenants/acme`, kind: 'token', id: 'j-2' });
    await eventually('a follower that waits again', () => feed.waiting.length === 1);
    ahead = 0;
    expect((await refusal(verifier.verify(token))).code).toBe('TOKEN_REVOKED');
  });

  it('starts anew on reset, and takes pages as one answer', async () => {
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
    await eventually('a question after the last page', () => feedRequests().at(-1) === '/revocations?after=3&wait=15');
    expect(await verifier.verify(token('old'))).toBeDefined();
    for (const jti of ['a', 'b']) expect((await refusal(verifier.verify(token(jti)))).code).toBe('TOKEN_REVOKED');
  });

  it('that does not wait is not asked in a loop', async () => {
    server.on('/revocations', json({ sequence: 0, entries: [], more: false }));
    await newVerifier().verify(server.token('acme', key));
    await eventually('the second question', () => feedRequests().length === 2);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(feedRequests()).toHaveLength(2);
    clock.advanceSeconds(1);
    await eventually('the third question', () => feedRequests().length === 3);
  });

  it('is left alone when no token has come for the stale time, and asked at once for the next', async () => {
    const verifier = newVerifier();
    const token = server.token('acme', key, { jti: 'j-1' });
    await verifier.verify(token);
    await eventually('a follower that waits', () => feed.waiting.length === 1);
    clock.advanceSeconds(31);
    feed.revoke({ iss: 'https://elsewhere.example', kind: 'tenant', id: '*' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(feed.waiting).toHaveLength(0);
    feed.revoke({ iss: `${server.baseUrl}/tenants/acme`, kind: 'token', id: 'j-1' });
    expect((await refusal(verifier.verify(token))).code).toBe('TOKEN_REVOKED');
    expect(feedRequests()).toContain('/revocations?after=1&wait=0');
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
      'an entry whose before is a text',
      json({
        sequence: 1,
        entries: [{ seq: 1, iss: 'x', kind: 'token', id: 'x', until: 1, before: '1' }],
        more: false,
      }),
    ],
    ['more of nothing', json({ sequence: 0, entries: [], more: true })],
  ])('(%s) lets tokens in by default, and is asked again after 1 s, 2 s, 4 s', async (_, handler) => {
    server.on('/revocations', handler);
    const verifier = newVerifier();
    expect(await verifier.verify(server.token('acme', key))).toBeDefined();
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

  it('refuses tokens where that is asked for, and lets them in again when it answers', async () => {
    server.on('/revocations', json({}, 500));
    const verifier = newVerifier({ whenStale: 'refuse' });
    const token = server.token('acme', key);
    expect(await refusal(verifier.verify(token))).toMatchObject({
      code: 'REVOCATIONS_STALE',
      verdict: 'unavailable',
      retryAfterSeconds: 1,
    });
    expect((await refusal(verifier.hydrate())).code).toBe('REVOCATIONS_STALE');
    new FeedServer(server);
    await eventually('a wait', () => clock.pendingTimers === 1);
    clock.advanceSeconds(1);
    await eventually('the third question', () => feedRequests().length >= 3);
    expect(await verifier.verify(token)).toBeDefined();
  });

  it('is stale `maxStaleSeconds` after its last answer', async () => {
    const verifier = newVerifier({ whenStale: 'refuse', maxStaleSeconds: 10 });
    const token = server.token('acme', key);
    await verifier.verify(token);
    await eventually('a follower that waits', () => feed.waiting.length === 1);
    expect(feedRequests().at(-1)).toBe('/revocations?after=0&wait=5');
    clock.advanceSeconds(10);
    expect(await verifier.verify(token)).toBeDefined();
    demandFreshRevocations(verifier);
    clock.advanceSeconds(0.1);
    expect((await refusal(verifier.verify(token))).code).toBe('REVOCATIONS_STALE');
  });

  it('and hangs holds up no token for longer than the deadline', async () => {
    server.on('/revocations', () => undefined);
    const verifier = createVerifierWithClock(
      { baseUrl: server.baseUrl, tenants: ['acme'], audience: 'shop-api', keys: { timeoutMilliseconds: 200 } },
      clock,
    );
    verifiers.push(verifier);
    const started = performance.now();
    expect(await verifier.verify(server.token('acme', key))).toBeDefined();
    expect(performance.now() - started).toBeLessThan(700);
  });

  it('is not asked after close', async () => {
    server.on('/revocations', json({}, 500));
    const verifier = newVerifier();
    await verifier.verify(server.token('acme', key));
    await eventually('a wait', () => clock.pendingTimers === 1);
    verifier.close();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('demandFreshRevocations', () => {
  it('refuses a verifier that knows of no revocations', () => {
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

  it('passes a list of your own', () => {
    demandFreshRevocations(newVerifier({ source: { isRevoked: () => false } }));
  });
});
