import { eventually } from '../../../token/test/eventually.ts';
import { type Answer, give, refusal, TestClock, TokenServer } from '../../test/tokens/token-server.ts';
import type { TesseraClientOptions } from '../client-options.ts';
import { createTesseraTokens, TesseraTokens } from './tessera-tokens.ts';
import type { PersonTokenOptions } from './token-provider-options.ts';
import { parseTokenSettings } from './token-settings.ts';

let server: TokenServer;
let clock: TestClock;
const providers: TesseraTokens[] = [];

beforeEach(async () => {
  clock = new TestClock();
  server = await TokenServer.start();
});

afterEach(async () => {
  for (const provider of providers.splice(0)) provider.close();
  await server.stop();
});

function newTokens(more: Partial<PersonTokenOptions> = {}, options: object = {}): TesseraTokens {
  const tokens = new TesseraTokens(
    parseTokenSettings({
      baseUrl: server.baseUrl,
      tenants: 'all',
      audience: 'shop-api',
      tokens: {
        tenantId: 'acme',
        projectId: 'shop',
        clientId: 'web',
        emailId: 'svc@acme.example',
        secretId: 's3cret',
        ...more,
      },
      ...options,
    }),
    clock,
  );
  providers.push(tokens);
  return tokens;
}

describe('TesseraTokens', () => {
  it('sends the request of the API, and returns the token', async () => {
    const tokens = newTokens();
    expect(await tokens.get()).toEqual({ accessToken: 't-1', expiresAt: 1_800_000_600 });
    expect(await tokens.headers()).toEqual({ authorization: 'Bearer t-1' });
    expect(server.received).toEqual([
      {
        url: '/auth/user/generateToken',
        contentType: 'application/json',
        body: {
          tenant_id: 'acme',
          project_id: 'shop',
          client_id: 'web',
          email_id: 'svc@acme.example',
          secret_id: 's3cret',
        },
      },
    ]);
  });

  it('sends no secret when it has none, and uses the surface that was given', async () => {
    await newTokens({ secretId: undefined as never, surface: 'admin' }).get();
    expect(server.received[0]).toMatchObject({ url: '/auth/admin/generateToken' });
    expect(server.received[0]!.body).not.toHaveProperty('secret_id');
  });

  it('prefers tokens.url to fetchBaseUrl, and fetchBaseUrl to baseUrl', async () => {
    await newTokens({}, { baseUrl: 'https://tessera.invalid', fetchBaseUrl: server.baseUrl }).get();
    await newTokens({ url: server.baseUrl }, { baseUrl: 'https://tessera.invalid' }).get();
    expect(server.received).toHaveLength(2);
  });

  it('sends one request for many callers, and one for each cache key', async () => {
    const tokens = newTokens();
    const same = await Promise.all(Array.from({ length: 100 }, () => tokens.get()));
    expect(new Set(same.map(({ accessToken }) => accessToken)).size).toBe(1);
    for (const overrides of [
      { tenantId: 'globex' },
      { projectId: 'other' },
      { clientId: 'other' },
      { emailId: 'other@acme.example' },
      { surface: 'admin' as const },
    ]) {
      await tokens.get(overrides);
      await tokens.get(overrides);
    }
    await tokens.get({ tenantId: undefined as never });
    expect(server.received).toHaveLength(6);
  });

  it('calls secretId at each fetch', async () => {
    let n = 0;
    const tokens = newTokens({ secretId: ({ tenantId }) => Promise.resolve(`${tenantId}-${++n}`) });
    await tokens.get();
    await tokens.get({ tenantId: 'globex' });
    expect(server.received.map(({ body }) => body.secret_id)).toEqual(['acme-1', 'globex-2']);
  });

  it('refreshes in the background from 60 s before the expiry, and returns the old token meanwhile', async () => {
    const tokens = newTokens();
    await tokens.get();
    clock.advanceSeconds(539);
    await tokens.get();
    expect(server.received).toHaveLength(1);
    clock.advanceSeconds(1);
    expect((await tokens.get()).accessToken).toBe('t-1');
    await eventually('the new one', async () => (await tokens.get()).accessToken === 't-2');
    expect(server.received).toHaveLength(2);
  });

  it('refreshes a short-lived token at half of its lifetime', async () => {
    server.answers.push(give({ access_token: 'short', expires_in: 20, token_type: 'Bearer' }));
    const tokens = newTokens();
    await tokens.get();
    clock.advanceSeconds(9);
    await tokens.get();
    expect(server.received).toHaveLength(1);
    clock.advanceSeconds(1);
    expect((await tokens.get()).accessToken).toBe('short');
    await eventually('the refresh', () => server.received.length === 2);
  });

  it('keeps the old token until it expires when a refresh fails, and does not retry at every call', async () => {
    const tokens = newTokens();
    await tokens.get();
    server.answers.push(give({ error: 'unauthorized' }, 401), give({ error: 'unauthorized' }, 401));
    clock.advanceSeconds(590);
    for (let i = 0; i < 5; i++) expect((await tokens.get()).accessToken).toBe('t-1');
    await eventually('the refresh', () => server.received.length === 2);
    for (let i = 0; i < 5; i++) expect((await tokens.get()).accessToken).toBe('t-1');
    // A background refresh would have arrived by now.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(server.received).toHaveLength(2);
    clock.advanceSeconds(10);
    expect(await refusal(tokens.get())).toMatchObject({ status: 401, error: 'unauthorized' });
    expect((await tokens.get()).accessToken).toBe('t-4');
  });

  it.each([400, 401, 404, 413, 415, 500])('does not retry after %i, and does not cache it', async (status) => {
    server.answers.push(give({ error: 'invalid_request' }, status));
    const tokens = newTokens();
    expect(await refusal(tokens.get())).toMatchObject({ status, error: 'invalid_request' });
    expect(server.received).toHaveLength(1);
    expect((await tokens.get()).accessToken).toBe('t-2');
    expect(clock.waits).toEqual([]);
  });

  it('retries after 503 and 429, waiting as long as Retry-After says, up to 10 s', async () => {
    server.answers.push(
      give({ error: 'temporarily_unavailable' }, 503, { 'retry-after': '3' }),
      give({}, 429, { 'retry-after': '60' }),
    );
    expect((await newTokens().get()).accessToken).toBe('t-3');
    expect(clock.waits).toEqual([3_000, 10_000]);
  });

  it('gives up after three tries', async () => {
    for (let i = 0; i < 3; i++)
      server.answers.push(give({ error: 'temporarily_unavailable' }, 503, { 'retry-after': '7' }));
    expect(await refusal(newTokens().get())).toMatchObject({
      status: 503,
      error: 'temporarily_unavailable',
      retryAfterSeconds: 7,
    });
    expect(server.received).toHaveLength(3);
    expect(clock.waits).toEqual([7_000, 7_000]);
  });

  it('retries a second later when the connection is lost', async () => {
    server.answers.push((response) => response.destroy());
    expect((await newTokens().get()).accessToken).toBe('t-2');
    expect(clock.waits).toEqual([1_000]);
  });

  it('reports unreachable when there was no response', async () => {
    const error = await refusal(newTokens({ url: 'http://127.0.0.1:9', maxTries: 1 }).get());
    expect(error).toMatchObject({ error: 'unreachable' });
    expect(error.status).toBeUndefined();
    server.answers.push(() => undefined);
    expect(await refusal(newTokens({ timeoutMilliseconds: 100, maxTries: 1 }).get())).toMatchObject({
      error: 'unreachable',
    });
  });

  it.each<[string, Answer]>([
    ['HTML', (response) => response.end('<html>')],
    ['no token', give({ expires_in: 600, token_type: 'Bearer' })],
    ['another type', give({ access_token: 't', expires_in: 600, token_type: 'DPoP' })],
    ['no lifetime', give({ access_token: 't', expires_in: 0, token_type: 'Bearer' })],
    ['a lifetime that is a string', give({ access_token: 't', expires_in: '600', token_type: 'Bearer' })],
    ['a token that breaks headers', give({ access_token: 't\r\nx: y', expires_in: 600, token_type: 'Bearer' })],
    ['a redirect', (response) => response.writeHead(307, { location: '/elsewhere' }).end()],
    ['30 MB', (response) => response.end(' '.repeat(30_000_000))],
    ['an error that is not a code', give({ error: 'S3cret <script>' }, 400)],
  ])('refuses a response with %s', async (_, answer) => {
    server.answers.push(answer);
    expect((await refusal(newTokens().get())).error).toBe('unexpected_answer');
    expect(server.received).toHaveLength(1);
  });

  it('reports that the secret is not available, without the thrown error', async () => {
    const failing = newTokens({
      secretId: () => {
        throw new Error('s3cret');
      },
    });
    expect((await refusal(failing.get())).error).toBe('secret_unavailable');
    expect(server.received).toHaveLength(0);
  });

  it('invalidates one token, and nothing else', async () => {
    const tokens = newTokens();
    await tokens.get();
    await tokens.get({ tenantId: 'globex' });
    tokens.invalidate();
    expect((await tokens.get({ tenantId: 'globex' })).accessToken).toBe('t-2');
    expect((await tokens.get()).accessToken).toBe('t-3');
    tokens.invalidate({ tenantId: 'globex' });
    expect((await tokens.get({ tenantId: 'globex' })).accessToken).toBe('t-4');
  });

  it('keeps at most maxCached tokens', async () => {
    const tokens = newTokens({ maxCached: 2 });
    for (const tenantId of ['a', 'b', 'a', 'c', 'a', 'b']) await tokens.get({ tenantId });
    expect(server.received.map(({ body }) => body.tenant_id)).toEqual(['a', 'b', 'c', 'b']);
  });

  it('aborts requests when it is closed', async () => {
    server.answers.push(() => undefined);
    const tokens = newTokens({ maxTries: 1 });
    const pending = refusal(tokens.get());
    await eventually('the request', () => server.received.length === 1);
    tokens.close();
    expect((await pending).error).toBe('unreachable');
  });

  it('aborts a wait when it is closed', async () => {
    server.answers.push(give({}, 503, { 'retry-after': '10' }));
    const tokens = createTesseraTokens({
      baseUrl: server.baseUrl,
      tenants: 'all',
      audience: 'a',
      tokens: { tenantId: 'acme', projectId: 'shop', clientId: 'web', emailId: 'svc@acme.example' },
    });
    const pending = refusal(tokens.get());
    await eventually('the request', () => server.received.length === 1);
    tokens.close();
    expect((await pending).status).toBe(503);
  });
});

describe('the options of outgoing calls', () => {
  const GOOD = { tenantId: 'acme', projectId: 'shop', clientId: 'web', emailId: 'svc@acme.example' };
  const issuer = 'https://t.example/tenants/acme';

  it.each<[string, object, RegExp]>([
    ['without a URL', { issuer, audience: 'a', tokens: GOOD }, /tokens\.url is missing/],
    ['by plain http', { issuer, audience: 'a', tokens: { ...GOOD, url: 'http://t.example' } }, /plain http/],
    [
      'with another surface',
      { issuer, audience: 'a', tokens: { ...GOOD, url: 'https://t', surface: '../x' } },
      /surface/,
    ],
    ['without a tenant', { issuer, audience: 'a', tokens: { ...GOOD, url: 'https://t', tenantId: '' } }, /tenantId/],
    ['with zero tries', { issuer, audience: 'a', tokens: { ...GOOD, url: 'https://t', maxTries: 0 } }, /maxTries/],
  ])('are refused %s', (_, options, message) => {
    expect(() => createTesseraTokens(options as TesseraClientOptions)).toThrow(TypeError);
    expect(() => createTesseraTokens(options as TesseraClientOptions)).toThrow(message);
  });

  it('may be missing until a token is asked for', async () => {
    const tokens = createTesseraTokens({ issuer, audience: 'a' });
    await expect(tokens.get()).rejects.toThrow(/tokens is not among the options: pass tokens/);
  });

  it('take a source in place of HTTP', async () => {
    const tokens = createTesseraTokens({
      issuer,
      audience: 'a',
      tokens: {
        ...GOOD,
        source: ({ tenantId }) => Promise.resolve({ access_token: tenantId, expires_in: 60, token_type: 'Bearer' }),
      },
    });
    expect(await tokens.headers({ tenantId: 'globex' })).toEqual({ authorization: 'Bearer globex' });
  });
});
