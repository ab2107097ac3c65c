import { generateKeyPairSync } from 'node:crypto';
import { eventually } from '../../../token/test/eventually.ts';
import { type Answer, give, issued, refusal, TestClock, TokenServer } from '../../test/tokens/token-server.ts';
import { TestTessera } from '../testing.ts';
import { createTesseraTokens, TesseraTokens } from './tessera-tokens.ts';
import type { ExchangeOptions } from './token-provider-options.ts';
import { parseTokenSettings } from './token-settings.ts';

const CLIENT = { tenantId: 'acme', projectId: 'shop', clientId: 'orders', secretId: 's3cret' };
const SUBJECT = 'subject.token.x3';

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

function newTokens(more: object = {}): TesseraTokens {
  const tokens = new TesseraTokens(
    parseTokenSettings({
      baseUrl: server.baseUrl,
      tenants: 'all',
      audience: 'orders-api',
      tokens: { grant: 'client_credentials', ...CLIENT, ...more } as never,
    }),
    clock,
  );
  providers.push(tokens);
  return tokens;
}

describe('an exchange', () => {
  it('is a form of RFC 8693, and the client authenticates', async () => {
    const tokens = newTokens();
    const provided = await tokens.exchange(SUBJECT, { audience: 'stock-api', scope: 'stock:read' });
    expect(provided).toEqual({ accessToken: 't-1', expiresAt: 1_800_000_600 });
    expect(server.received).toEqual([
      {
        url: '/tenants/acme/token',
        contentType: 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from('shop%2Forders:s3cret').toString('base64')}`,
        body: {
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token: SUBJECT,
          subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          audience: 'stock-api',
          scope: 'stock:read',
        },
      },
    ]);
  });

  it('names a resource in place of an audience, or neither', async () => {
    const tokens = newTokens();
    await tokens.exchange(SUBJECT, { resource: 'https://stock.example' });
    await tokens.exchange(SUBJECT);
    const [withResource, plain] = server.received.map(({ body }) => body);
    expect(withResource).toMatchObject({ resource: 'https://stock.example' });
    for (const name of ['audience', 'scope']) expect(withResource).not.toHaveProperty(name);
    for (const name of ['audience', 'resource', 'scope']) expect(plain).not.toHaveProperty(name);
  });

  it('works beside tokens of a person, with the same secret', async () => {
    const secretId = ({ tenantId, emailId }: { tenantId: string; emailId: string }) => `${tenantId}-${emailId}`;
    const tokens = newTokens({ grant: undefined, emailId: 'svc@acme.example', secretId });
    await tokens.get();
    await tokens.exchange(SUBJECT, { tenantId: 'globex' });
    expect(server.received.map(({ url }) => url)).toEqual(['/auth/user/generateToken', '/tenants/globex/token']);
    const [, encoded = ''] = (server.received[1]!.authorization ?? '').split(' ');
    expect(Buffer.from(encoded, 'base64').toString()).toBe('shop%2Forders:globex-svc%40acme.example');
  });

  it('works for another client of another tenant, where the call names them', async () => {
    const tokens = newTokens();
    await tokens.exchange(SUBJECT, { tenantId: 'globex', projectId: 'other', clientId: 'web', url: server.baseUrl });
    const [{ url, authorization }] = server.received as [(typeof server.received)[number]];
    expect(url).toBe('/tenants/globex/token');
    expect(authorization).toBe(`Basic ${Buffer.from('other%2Fweb:s3cret').toString('base64')}`);
  });

  it('signs a new assertion for each try', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const key = { key: privateKey, kid: 'k-1', alg: 'EdDSA' };
    server.answers.push(give({ error: 'temporarily_unavailable' }, 503), (response) => response.destroy());
    await newTokens({ secretId: undefined, privateKey: key }).exchange(SUBJECT);
    expect(new Set(server.received.map(({ body }) => body['client_assertion'])).size).toBe(3);
    expect(clock.waits).toEqual([1_000, 1_000]);
  });

  it.each<[string, Answer]>([
    ['no type of the token', give(issued('t', { issued_token_type: undefined }))],
    ['another type of token', give(issued('t', { issued_token_type: 'urn:ietf:params:oauth:token-type:id_token' }))],
    ['a token that is no bearer', give(issued('t', { token_type: 'N_A' }))],
  ])('refuses a response with %s', async (_, answer) => {
    server.answers.push(answer);
    expect(await refusal(newTokens().exchange(SUBJECT), SUBJECT)).toMatchObject({ error: 'unexpected_answer' });
  });

  it.each(['invalid_grant', 'invalid_target', 'invalid_scope', 'unauthorized_client'])(
    'fails once with %s, without a token in the error, and is not cached',
    async (error) => {
      server.answers.push(give({ error, error_description: SUBJECT }, 400));
      const tokens = newTokens();
      expect(await refusal(tokens.exchange(SUBJECT), SUBJECT)).toMatchObject({ status: 400, error });
      expect((await tokens.exchange(SUBJECT)).accessToken).toBe('t-2');
    },
  );

  it.each<[string, unknown, object, RegExp]>([
    ['no token', undefined, {}, /the token to exchange is not/],
    ['an empty token', '', {}, /the token to exchange is not/],
    ['audience and resource', SUBJECT, { audience: 'a', resource: 'https://b.example' }, /cannot be combined/],
    ['an empty audience', SUBJECT, { audience: '' }, /audience is not/],
    ['an empty resource', SUBJECT, { resource: '' }, /resource is not/],
    ['an empty scope', SUBJECT, { scope: '' }, /scope is not/],
    ['a tenant that changes the path', SUBJECT, { tenantId: '..' }, /tokens\.tenantId is not an id/],
    ['plain http', SUBJECT, { url: 'http://tessera.example' }, /plain http/],
  ])('is not sent with %s', async (_, token, options, message) => {
    const result = newTokens().exchange(token as string, options);
    await expect(result).rejects.toThrow(message);
    await expect(result).rejects.toBeInstanceOf(TypeError);
    await expect(result).rejects.not.toThrow(SUBJECT);
    expect(server.received).toHaveLength(0);
  });

  it('is not sent by a client that cannot authenticate', async () => {
    const tokens = newTokens({ grant: undefined, emailId: 'svc@acme.example', secretId: undefined });
    await expect(tokens.exchange(SUBJECT)).rejects.toThrow(/tokens has no credential of the client: pass/);
    expect(server.received).toHaveLength(0);
  });
});

describe('an exchanged token', () => {
  it('is requested once for many callers, and once for each token, target and scope', async () => {
    const tokens = newTokens();
    const same = await Promise.all(Array.from({ length: 100 }, () => tokens.exchange(SUBJECT, { audience: 'a' })));
    expect(new Set(same.map(({ accessToken }) => accessToken)).size).toBe(1);
    const others: readonly [string, ExchangeOptions][] = [
      ['another.subject.token', { audience: 'a' }],
      [SUBJECT, { audience: 'b' }],
      [SUBJECT, { resource: 'a' }],
      [SUBJECT, { audience: 'a', scope: 'x' }],
      [SUBJECT, { audience: 'a', tenantId: 'globex' }],
      [SUBJECT, { audience: 'a', projectId: 'other' }],
      [SUBJECT, { audience: 'a', clientId: 'other' }],
    ];
    for (const [token, options] of others) {
      await tokens.exchange(token, options);
      await tokens.exchange(token, options);
    }
    expect(server.received).toHaveLength(8);
  });

  it('is not renewed in the background: shortly before it expires, the next caller waits for a new one', async () => {
    const tokens = newTokens();
    await tokens.exchange(SUBJECT);
    clock.advanceSeconds(539);
    expect((await tokens.exchange(SUBJECT)).accessToken).toBe('t-1');
    clock.advanceSeconds(1);
    expect((await tokens.exchange(SUBJECT)).accessToken).toBe('t-2');
    expect(server.received).toHaveLength(2);
  });

  it('that lives shortly is kept for half of its life, and never beyond', async () => {
    server.answers.push(give(issued('short', { expires_in: 20 })));
    const tokens = newTokens();
    await tokens.exchange(SUBJECT);
    clock.advanceSeconds(9);
    expect((await tokens.exchange(SUBJECT)).accessToken).toBe('short');
    clock.advanceSeconds(1);
    server.answers.push(give({ error: 'invalid_grant' }, 400));
    expect((await refusal(tokens.exchange(SUBJECT))).error).toBe('invalid_grant');
  });

  it('is dropped by invalidateExchanged, alone', async () => {
    const tokens = newTokens();
    await tokens.exchange(SUBJECT);
    await tokens.exchange(SUBJECT, { audience: 'a' });
    tokens.invalidateExchanged(SUBJECT, { audience: 'a' });
    tokens.invalidate();
    expect((await tokens.exchange(SUBJECT)).accessToken).toBe('t-1');
    expect((await tokens.exchange(SUBJECT, { audience: 'a' })).accessToken).toBe('t-3');
  });

  it('is one of at most maxCached, and takes no place of the tokens of the client itself', async () => {
    const tokens = newTokens({ maxCached: 2 });
    await tokens.get();
    for (const token of ['a', 'b', 'a', 'c', 'a', 'b']) await tokens.exchange(token);
    await tokens.get();
    expect(server.received.map(({ body }) => body['subject_token'])).toEqual([undefined, 'a', 'b', 'c', 'b']);
  });

  it('is not waited for any longer when the module is closed', async () => {
    server.answers.push(() => undefined);
    const tokens = newTokens({ maxTries: 1 });
    const pending = refusal(tokens.exchange(SUBJECT), SUBJECT);
    await eventually('the request', () => server.received.length === 1);
    tokens.close();
    expect((await pending).error).toBe('unreachable');
  });
});

describe('in tests', () => {
  const tessera = new TestTessera({ audience: 'orders-api' });

  it.each(['clientTokens', 'clientOptions'] as const)(
    'the tokens of TestTessera can be exchanged: %s',
    async (form) => {
      const options = tessera.clientOptions;
      const tokens = createTesseraTokens(
        form === 'clientOptions' ? options : { ...options, tokens: tessera.clientTokens },
      );
      const subject = tessera.token({ subject: 'u-ada', scopes: ['stock:read', 'orders:read'] });
      const { accessToken } = await tokens.exchange(subject, { audience: 'stock-api', scope: 'stock:read' });
      const claims = JSON.parse(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString()) as object;
      expect(claims).toMatchObject({
        sub: 'u-ada',
        aud: 'stock-api',
        scope: 'stock:read',
        act: { sub: 'client:test-project/test-client' },
      });
    },
  );

  it('a source for get alone does not stand for the exchange', async () => {
    const { grant, tenantId, projectId, clientId, source } = tessera.clientTokens;
    const options = { ...tessera.clientOptions, tokens: { grant, tenantId, projectId, clientId, source } };
    const tokens = createTesseraTokens(options);
    await expect(tokens.exchange(SUBJECT)).rejects.toThrow(TypeError);
  });
});
