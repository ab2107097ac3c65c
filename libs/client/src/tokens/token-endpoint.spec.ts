import { createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto';
import { type Answer, give, issued, refusal, TestClock, TokenServer } from '../../test/tokens/token-server.ts';
import { eventually } from '../../../token/test/eventually.ts';
import { importVerificationKey, keyConfirms, parseCompactForm } from '@tessera/token/core';
import type { TesseraClientOptions } from '../client-options.ts';
import { createTesseraTokens, TesseraTokens } from './tessera-tokens.ts';
import type { ClientPrivateKey, ClientTokenOptions, TokenOverrides } from './token-provider-options.ts';
import { parseTokenSettings } from './token-settings.ts';

const CLIENT = { grant: 'client_credentials', tenantId: 'acme', projectId: 'shop', clientId: 'web' } as const;
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

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

function newTokens(more: object = { secretId: 's3cret' }, options: object = {}): TesseraTokens {
  const tokens = new TesseraTokens(
    parseTokenSettings({
      baseUrl: server.baseUrl,
      tenants: 'all',
      audience: 'shop-api',
      tokens: { ...CLIENT, ...more } as ClientTokenOptions,
      ...options,
    }),
    clock,
  );
  providers.push(tokens);
  return tokens;
}

const PAIRS = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2_048 }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};
type Algorithm = keyof typeof PAIRS;

function privateJwk(
  alg: Algorithm,
  key: KeyObject = PAIRS[alg]().privateKey,
): JsonWebKey & { kid: string; alg: string } {
  return { ...key.export({ format: 'jwk' }), kid: 'k-1', alg };
}

/** Header and claims of an assertion that the key confirms. */
function verified(assertion: unknown, { kid, alg, ...jwk }: JsonWebKey & { kid: string; alg: string }) {
  const publicJwk = createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'jwk' });
  const { key } = importVerificationKey({ ...publicJwk, kid, alg });
  const { header, claims, signingInput, signature } = parseCompactForm(String(assertion), {
    maxBytes: 8_192,
    maxDepth: 8,
  });
  expect(keyConfirms(key!, signingInput, signature)).toBe(true);
  return { header, claims };
}

describe('a token of the client itself', () => {
  it('is asked for at the token endpoint of the tenant, by a form', async () => {
    const tokens = newTokens();
    expect(await tokens.get()).toEqual({ accessToken: 't-1', expiresAt: 1_800_000_600 });
    expect(await tokens.headers()).toEqual({ authorization: 'Bearer t-1' });
    expect(server.received).toEqual([
      {
        url: '/tenants/acme/token',
        contentType: 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from('shop%2Fweb:s3cret').toString('base64')}`,
        body: { grant_type: 'client_credentials' },
      },
    ]);
  });

  it('is for the audience and the scope of the options, and of the call', async () => {
    const tokens = newTokens({ secretId: 's3cret', audience: 'stock-api', scope: 'stock:read stock:write' });
    await tokens.get();
    await tokens.get({ audience: 'other-api', scope: 'x' });
    await tokens.get({ audience: undefined as never, scope: 'y' });
    expect(server.received.map(({ body }) => body)).toEqual([
      { grant_type: 'client_credentials', audience: 'stock-api', scope: 'stock:read stock:write' },
      { grant_type: 'client_credentials', audience: 'other-api', scope: 'x' },
      { grant_type: 'client_credentials', audience: 'stock-api', scope: 'y' },
    ]);
  });

  it('is requested once for many callers, and once for each tenant, client, audience and scope', async () => {
    const tokens = newTokens();
    const same = await Promise.all(Array.from({ length: 100 }, () => tokens.get()));
    expect(new Set(same.map(({ accessToken }) => accessToken)).size).toBe(1);
    const others: readonly TokenOverrides[] = [
      { tenantId: 'globex' },
      { projectId: 'other' },
      { clientId: 'other' },
      { audience: 'other' },
      { scope: 'other' },
    ];
    for (const overrides of others) {
      await tokens.get(overrides);
      await tokens.get(overrides);
    }
    expect(server.received).toHaveLength(6);
    expect(server.received[1]!.url).toBe('/tenants/globex/token');
    tokens.invalidate({ audience: 'other' });
    await tokens.get();
    await tokens.get({ audience: 'other' });
    expect(server.received).toHaveLength(7);
  });

  it('is renewed in the background, and the old one serves meanwhile', async () => {
    const tokens = newTokens();
    await tokens.get();
    clock.advanceSeconds(539);
    await tokens.get();
    expect(server.received).toHaveLength(1);
    clock.advanceSeconds(1);
    expect((await tokens.get()).accessToken).toBe('t-1');
    await eventually('the new one', async () => (await tokens.get()).accessToken === 't-2');
  });

  it.each([
    [400, 'invalid_grant'],
    [400, 'invalid_scope'],
    [400, 'unauthorized_client'],
    [401, 'invalid_client'],
    [413, 'invalid_request'],
    [415, 'invalid_request'],
  ])('fails once after %i, with the code of OAuth: %s', async (status, error) => {
    server.answers.push(give({ error, error_description: 's3cret', request_id: 'r' }, status));
    expect(await refusal(newTokens().get())).toMatchObject({ status, error });
    expect(server.received).toHaveLength(1);
  });

  it('is tried again after 503, 429 and a lost connection', async () => {
    server.answers.push(
      give({ error: 'temporarily_unavailable' }, 503, { 'retry-after': '3' }),
      give({ error: 'temporarily_unavailable' }, 429),
    );
    expect((await newTokens().get()).accessToken).toBe('t-3');
    expect(clock.waits).toEqual([3_000, 1_000]);
    server.answers.push((response) => response.destroy());
    expect((await newTokens().get()).accessToken).toBe('t-5');
  });

  it.each<[string, Answer]>([
    ['no JSON', (response) => response.end('<html>')],
    ['no token', give({ expires_in: 600, token_type: 'Bearer' })],
    ['another type', give(issued('t', { token_type: 'DPoP' }))],
    ['a redirect', (response) => response.writeHead(307, { location: '/elsewhere' }).end()],
  ])('is refused in a response with %s', async (_, answer) => {
    server.answers.push(answer);
    expect((await refusal(newTokens().get())).error).toBe('unexpected_answer');
    expect(server.received).toHaveLength(1);
  });

  it.each<[string, object, RegExp]>([
    ['of a person', { emailId: 'ada@acme.example' }, /tokens\.emailId belongs to tokens of a person/],
    ['of a surface', { surface: 'admin' }, /tokens\.surface belongs to tokens of a person/],
    ['of a tenant that changes the path', { tenantId: '..' }, /tokens\.tenantId is not an id/],
    ['of a project with a slash', { projectId: 'shop/x' }, /tokens\.projectId is not an id/],
    ['of a client with a colon', { clientId: 'web:x' }, /tokens\.clientId is not an id/],
    ['for no audience', { audience: '' }, /audience is not a non-empty string/],
    ['for no scope', { scope: '' }, /scope is not a non-empty string/],
    ['over plain http', { url: 'http://tessera.example' }, /plain http/],
  ])('is not asked for %s', async (_, overrides, message) => {
    const result = newTokens().get(overrides);
    await expect(result).rejects.toThrow(message);
    await expect(result).rejects.toBeInstanceOf(TypeError);
    expect(server.received).toHaveLength(0);
  });

  it('comes from a source in place of HTTP, without a credential', async () => {
    const tokens = createTesseraTokens({
      issuer: 'https://t.example/tenants/acme',
      audience: 'a',
      tokens: {
        ...CLIENT,
        audience: 'stock-api',
        source: ({ tenantId, audience }) =>
          Promise.resolve({ access_token: `${tenantId}.${String(audience)}`, expires_in: 60, token_type: 'Bearer' }),
      },
    });
    expect((await tokens.get({ tenantId: 'globex' })).accessToken).toBe('globex.stock-api');
  });
});

describe('a client secret', () => {
  it('is form-encoded before it is put together with the name (RFC 6749, section 2.3.1)', async () => {
    await newTokens({ secretId: 'a:b c%/+é' }).get();
    const [scheme, encoded = ''] = (server.received[0]!.authorization ?? '').split(' ');
    expect(scheme).toBe('Basic');
    expect(Buffer.from(encoded, 'base64').toString()).toBe('shop%2Fweb:a%3Ab+c%25%2F%2B%C3%A9');
  });

  it('is asked for at each try, by the client that needs it, and is in no parameter', async () => {
    const asked: unknown[] = [];
    const tokens = newTokens({
      secretId: (client: unknown) => {
        asked.push(client);
        return Promise.resolve(`s-${asked.length}`);
      },
    });
    server.answers.push(give({}, 503));
    await tokens.get({ audience: 'x', tenantId: 'globex' });
    const client = { url: server.baseUrl, tenantId: 'globex', projectId: 'shop', clientId: 'web' };
    expect(asked).toEqual([client, client]);
    expect(server.received.map(({ authorization }) => authorization)).toEqual(
      ['s-1', 's-2'].map((secret) => `Basic ${Buffer.from(`shop%2Fweb:${secret}`).toString('base64')}`),
    );
    expect(Object.keys(server.received[0]!.body).toSorted()).toEqual(['audience', 'grant_type']);
  });

  it.each<[string, () => unknown]>([
    [
      'an error',
      () => {
        throw new Error('s3cret');
      },
    ],
    ['a rejection', () => Promise.reject(new Error('s3cret'))],
    ['nothing', () => undefined],
    ['an empty text', () => ''],
  ])('that is not available is reported without the cause: %s', async (_, read) => {
    expect((await refusal(newTokens({ secretId: read }).get())).error).toBe('secret_unavailable');
    expect((await refusal(newTokens({ assertion: read }).get())).error).toBe('assertion_unavailable');
    expect(server.received).toHaveLength(0);
  });
});

describe('a private key', () => {
  it.each(['ES256', 'RS256', 'EdDSA'] as const)(
    'of %s signs an assertion for the issuer of the tenant',
    async (alg) => {
      const jwk = privateJwk(alg);
      await newTokens({ privateKey: jwk }).get();
      const [{ authorization, body }] = server.received as [(typeof server.received)[number]];
      expect(authorization).toBeUndefined();
      expect(body).toEqual({
        grant_type: 'client_credentials',
        client_id: 'shop/web',
        client_assertion_type: JWT_BEARER,
        client_assertion: body['client_assertion'],
      });
      const { header, claims } = verified(body['client_assertion'], jwk);
      expect(header).toEqual({ typ: 'client-authentication+jwt', alg, kid: 'k-1' });
      expect(claims).toEqual({
        iss: 'shop/web',
        sub: 'shop/web',
        aud: `${server.baseUrl}/tenants/acme`,
        iat: 1_800_000_000,
        exp: 1_800_000_060,
        jti: claims['jti'],
      });
      expect(claims['jti']).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  it('signs a new assertion for each try', async () => {
    const jwk = privateJwk('ES256');
    server.answers.push(give({}, 503), (response) => response.destroy());
    await newTokens({ privateKey: jwk }).get();
    const ids = server.received.map(({ body }) => verified(body['client_assertion'], jwk).claims['jti']);
    expect(new Set(ids).size).toBe(3);
  });

  it('may be a KeyObject with kid and alg', async () => {
    const { privateKey } = PAIRS.ES256();
    await newTokens({ privateKey: { key: privateKey, kid: 'k-1', alg: 'ES256' } satisfies ClientPrivateKey }).get();
    verified(server.received[0]!.body['client_assertion'], privateJwk('ES256', privateKey));
  });

  const PUBLIC = 'https://tessera.example';
  it.each<[string, () => [tokens: object, options: object], string]>([
    ['baseUrl, not fetchBaseUrl', () => [{}, { baseUrl: PUBLIC, fetchBaseUrl: server.baseUrl }], PUBLIC],
    ['baseUrl, not tokens.url', () => [{ url: server.baseUrl }, { baseUrl: PUBLIC }], PUBLIC],
    [
      'tokens.issuer, not baseUrl',
      () => [{ url: server.baseUrl, issuer: `${PUBLIC}/tenants/acme` }, { baseUrl: 'https://other.example' }],
      PUBLIC,
    ],
    [
      'the one issuer of the module',
      () => [{ url: server.baseUrl }, { baseUrl: undefined, tenants: undefined, issuer: `${PUBLIC}/tenants/acme` }],
      PUBLIC,
    ],
  ])('signs for the public name: %s', async (_, options, base) => {
    const jwk = privateJwk('EdDSA');
    const [tokens, ofModule] = options();
    const provider = newTokens({ privateKey: jwk, ...tokens }, ofModule);
    await provider.get();
    await provider.get({ tenantId: 'globex' });
    expect(server.received.map(({ body }) => verified(body['client_assertion'], jwk).claims['aud'])).toEqual([
      `${base}/tenants/acme`,
      `${base}/tenants/globex`,
    ]);
  });

  it('signs for tokens.url where nothing else is the public name', async () => {
    const jwk = privateJwk('EdDSA');
    const issuers = [`${PUBLIC}/tenants/other`];
    const options = { baseUrl: undefined, tenants: undefined, issuers };
    await newTokens({ privateKey: jwk, url: server.baseUrl }, options).get();
    expect(verified(server.received[0]!.body['client_assertion'], jwk).claims['aud']).toBe(
      `${server.baseUrl}/tenants/acme`,
    );
  });

  it.each<[string, () => unknown, RegExp]>([
    ['no object', () => 's3cret', /is not a key/],
    [
      'a public key',
      () => ({ ...PAIRS.ES256().publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256' }),
      /not a private key/,
    ],
    ['a public KeyObject', () => ({ key: PAIRS.ES256().publicKey, kid: 'k', alg: 'ES256' }), /not a private key/],
    ['a secret', () => ({ kty: 'oct', k: 's3cret', kid: 'k', alg: 'HS256' }), /not a private key/],
    ['no kid', () => ({ ...privateJwk('ES256'), kid: undefined }), /no kid/],
    ['no alg', () => ({ ...privateJwk('ES256'), alg: undefined }), /alg is missing or unknown/],
    ['HS256', () => ({ ...privateJwk('ES256'), alg: 'HS256' }), /alg is missing or unknown/],
    ['an alg of another type', () => ({ ...privateJwk('ES256'), alg: 'RS256' }), /alg does not fit/],
    [
      'another curve',
      () => privateJwk('ES256', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey),
      /alg does not fit/,
    ],
    [
      'a weak key',
      () => privateJwk('RS256', generateKeyPairSync('rsa', { modulusLength: 1_024 }).privateKey),
      /RSA under 2048 bits/,
    ],
    [
      'a key that signs nothing',
      () => ({ key: generateKeyPairSync('x25519').privateKey, kid: 'k', alg: 'EdDSA' }),
      /alg does not fit/,
    ],
  ])('is refused at the start: %s', (_, key, message) => {
    let error: unknown;
    const value = key();
    try {
      newTokens({ privateKey: value });
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toMatch(message);
    expect(String(error)).toContain('pass a private JWK with kid and alg');
    for (const secret of [(value as { d?: string }).d, 's3cret'])
      if (secret) expect(String(error)).not.toContain(secret);
  });
});

describe('the assertion of a workload', () => {
  it('is read at each try, and sent with the name of the client', async () => {
    let read = 0;
    const tokens = newTokens({ assertion: ({ tenantId }: { tenantId: string }) => `${tenantId}.${++read}.x` });
    server.answers.push(give({}, 503));
    await tokens.get();
    expect(server.received.map(({ authorization, body }) => ({ authorization, body }))).toEqual(
      ['acme.1.x', 'acme.2.x'].map((assertion) => ({
        authorization: undefined,
        body: {
          grant_type: 'client_credentials',
          client_id: 'shop/web',
          client_assertion_type: JWT_BEARER,
          client_assertion: assertion,
        },
      })),
    );
  });

  it('may be a text, and is in no error', async () => {
    server.answers.push(give({ error: 'invalid_client', error_description: 'a.b.c3' }, 401));
    const tokens = newTokens({ assertion: 'a.b.c3' });
    expect(await refusal(tokens.get(), 'a.b.c3')).toMatchObject({ status: 401, error: 'invalid_client' });
  });
});

describe('the options for tokens of the client', () => {
  const options = (tokens: object, more: object = {}) =>
    ({
      baseUrl: 'https://t.example',
      tenants: 'all',
      audience: 'a',
      tokens: { ...CLIENT, ...tokens },
      ...more,
    }) as never;

  it.each<[string, object, RegExp]>([
    ['without a credential', {}, /exactly one credential/],
    ['with two credentials', { secretId: 's', assertion: 'a' }, /exactly one credential/],
    ['with a secret and a key', { secretId: 's', privateKey: {} }, /exactly one credential/],
    ['with an empty secret', { secretId: '' }, /tokens\.secretId is neither/],
    ['with an assertion that is no text', { assertion: 7 }, /tokens\.assertion is neither/],
    [
      'with an e-mail address',
      { secretId: 's', emailId: 'a@b.example' },
      /tokens\.emailId belongs to tokens of a person/,
    ],
    ['with a surface', { secretId: 's', surface: 'user' }, /tokens\.surface belongs to tokens of a person/],
    ['with another grant', { secretId: 's', grant: 'password' }, /tokens\.grant is unknown/],
    ['with a tenant that is no id', { secretId: 's', tenantId: 'a/b' }, /tokens\.tenantId is not an id/],
    ['with an empty scope', { secretId: 's', scope: '' }, /tokens\.scope is not/],
    ['with an empty audience', { secretId: 's', audience: '' }, /tokens\.audience is not/],
    [
      'with the issuer of another tenant',
      { privateKey: privateJwk('ES256'), issuer: 'https://t.example/tenants/x' },
      /tokens\.issuer is not the issuer/,
    ],
    ['with an issuer that is no URL', { privateKey: privateJwk('ES256'), issuer: 'acme' }, /tokens\.issuer/],
    ['by plain http', { secretId: 's', url: 'http://t.example' }, /plain http/],
  ])('are refused %s', (_, tokens, message) => {
    expect(() => createTesseraTokens(options(tokens))).toThrow(TypeError);
    expect(() => createTesseraTokens(options(tokens))).toThrow(message);
  });

  it.each(['privateKey', 'assertion', 'audience', 'scope', 'issuer'])(
    'are refused without the grant that %s belongs to',
    (name) => {
      const tokens = { grant: undefined, emailId: 'a@b.example', [name]: 'x' };
      expect(() => createTesseraTokens(options(tokens))).toThrow(`tokens.${name} belongs to tokens of a client`);
    },
  );

  it('do not compile in a wrong combination', () => {
    const common = { tenantId: 'acme', projectId: 'shop', clientId: 'web' };
    const wrong: readonly TesseraClientOptions['tokens'][] = [
      // @ts-expect-error -- a person has no grant of a client
      { ...common, grant: 'client_credentials', secretId: 's', emailId: 'a@b.example' },
      // @ts-expect-error -- two credentials
      { ...common, grant: 'client_credentials', secretId: 's', assertion: 'a' },
      // @ts-expect-error -- no credential
      { ...common, grant: 'client_credentials' },
      // @ts-expect-error -- a key belongs to tokens of a client
      { ...common, emailId: 'a@b.example', privateKey: { kty: 'EC', kid: 'k', alg: 'ES256' } },
      // @ts-expect-error -- nobody to ask for
      { ...common, secretId: 's' },
    ];
    expect(wrong).toHaveLength(5);
  });
});
