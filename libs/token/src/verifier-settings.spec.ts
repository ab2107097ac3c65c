import { createVerifier, type VerifierOptions } from './index.ts';

const GOOD = { baseUrl: 'https://tessera.example', tenants: ['acme'], audience: 'shop-api' };

describe('createVerifier accepts', () => {
  it.each<[string, object]>([
    ['one Tessera with some tenants', GOOD],
    ['one Tessera with all tenants', { ...GOOD, tenants: 'all' }],
    ['a base with a path', { ...GOOD, baseUrl: 'https://example.com/tessera' }],
    ['http to localhost', { ...GOOD, baseUrl: 'http://localhost:3000' }],
    ['http to 127.0.0.0/8', { ...GOOD, baseUrl: 'http://127.9.9.9:3000' }],
    ['http to [::1]', { ...GOOD, baseUrl: 'http://[::1]:3000' }],
    ['http elsewhere, in long words', { ...GOOD, baseUrl: 'http://tessera', dangerouslyAllowPlainHttp: true }],
    [
      'an http name whose keys come by https',
      { ...GOOD, baseUrl: 'http://tessera', fetchBaseUrl: 'https://t.example' },
    ],
    ['one issuer', { issuer: 'https://tessera.example/tenants/acme', audience: 'a' }],
    ['several audiences', { ...GOOD, audience: ['a', 'b'] }],
    ['no skew', { ...GOOD, clockSkewSeconds: 0 }],
    ['a feed for one issuer', { issuer: 'https://tessera.example/tenants/acme', audience: 'a', revocations: {} }],
  ])('%s', (_, options) => {
    createVerifier(options as VerifierOptions).close();
  });
});

describe('createVerifier refuses', () => {
  it.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /the options/],
    ['no trust', { audience: 'a' }, /exactly one form: pass one of/],
    ['two forms of trust', { ...GOOD, issuer: 'https://tessera.example/tenants/acme' }, /exactly one form/],
    [
      'tenants without baseUrl',
      { issuer: 'https://t.example/tenants/acme', tenants: 'all', audience: 'a' },
      /tenants belongs to baseUrl/,
    ],
    ['baseUrl without tenants', { ...GOOD, tenants: undefined }, /tenants has to be/],
    ['no tenant', { ...GOOD, tenants: [] }, /tenants has to be/],
    ['a tenant that is no id', { ...GOOD, tenants: ['Acme'] }, /no tenant id/],
    ['no issuer', { issuers: [], audience: 'a' }, /at least one/],
    [
      'one issuer twice',
      { issuers: ['https://t.example/tenants/a', 'https://t.example/tenants/a'], audience: 'a' },
      /twice/,
    ],
    ['no audience', { ...GOOD, audience: undefined }, /audience/],
    ['an empty audience', { ...GOOD, audience: '' }, /audience/],
    ['an empty list of audiences', { ...GOOD, audience: [] }, /audience/],
    ['an audience that is empty among others', { ...GOOD, audience: ['a', ''] }, /audience/],
    ['no surface', { ...GOOD, surfaces: [] }, /surfaces/],
    ['an unknown surface', { ...GOOD, surfaces: ['root'] }, /surfaces.*admin or user/],
    ['an unknown algorithm', { ...GOOD, algorithms: ['HS256'] }, /algorithms.*ES256/],
    ['none', { ...GOOD, algorithms: ['none'] }, /algorithms/],
    ['a skew over a minute', { ...GOOD, clockSkewSeconds: 61 }, /clockSkewSeconds.*0 to 60/],
    ['a skew that is no number', { ...GOOD, clockSkewSeconds: '30' }, /clockSkewSeconds/],
    ['a skew of NaN', { ...GOOD, clockSkewSeconds: Number.NaN }, /clockSkewSeconds/],
    ['an endless life', { ...GOOD, maxLifetimeSeconds: Infinity }, /maxLifetimeSeconds/],
    ['a negative age', { ...GOOD, keys: { maxAgeSeconds: -1 } }, /keys\.maxAgeSeconds/],
    ['a URL that is none', { ...GOOD, baseUrl: 'tessera' }, /baseUrl is not an http/],
    ['another scheme', { ...GOOD, baseUrl: 'ftp://tessera.example' }, /baseUrl is not an http/],
    ['a slash at the end', { ...GOOD, baseUrl: 'https://tessera.example/' }, /remove the slash$/],
    ['a query', { ...GOOD, baseUrl: 'https://tessera.example?x=1' }, /query/],
    ['plain http', { ...GOOD, baseUrl: 'http://tessera.example' }, /plain http.*use https/],
    ['plain http to a name that only looks local', { ...GOOD, baseUrl: 'http://127.0.0.1.example' }, /plain http/],
    ['plain http to fetch from', { ...GOOD, fetchBaseUrl: 'http://tessera' }, /fetchBaseUrl is plain http/],
    [
      'plain http for keys',
      { issuers: [{ issuer: 'https://t.example/tenants/a', jwksUri: 'http://t.example/k' }], audience: 'a' },
      /jwksUri is plain http/,
    ],
    ['the long word as a text', { ...GOOD, dangerouslyAllowPlainHttp: 'true' }, /dangerouslyAllowPlainHttp/],
    [
      'keys without a usable one',
      { issuers: [{ issuer: 'https://t.example/tenants/a', jwks: { keys: [{ kty: 'EC' }] } }], audience: 'a' },
      /no usable key/,
    ],
    [
      'private keys',
      { issuers: [{ issuer: 'https://t.example/tenants/a', jwks: { keys: [{ kty: 'EC', d: 'x' }] } }], audience: 'a' },
      /private key/,
    ],
    ['a source that cannot be asked', { ...GOOD, revocations: { source: {} } }, /isRevoked/],
    ['revocations: on', { ...GOOD, revocations: 'on' }, /revocations/],
    ['an unknown whenStale', { ...GOOD, revocations: { whenStale: 'panic' } }, /whenStale/],
    [
      'a feed without a place',
      { issuers: ['https://a.example/tenants/a', 'https://b.example/tenants/b'], audience: 'a', revocations: {} },
      /no place/,
    ],
    [
      'a feed by plain http',
      {
        issuers: [{ issuer: 'http://t.example/tenants/a', jwksUri: 'https://t.example/k' }],
        audience: 'a',
        revocations: {},
      },
      /revocations is plain http/,
    ],
    ['a clock that is none', { ...GOOD, nowSeconds: 7 }, /nowSeconds/],
  ])('%s', (_, options, message) => {
    expect(() => createVerifier(options as VerifierOptions)).toThrow(TypeError);
    expect(() => createVerifier(options as VerifierOptions)).toThrow(message);
  });

  it('credentials in a URL, without showing them', () => {
    let text = '';
    try {
      createVerifier({ ...GOOD, baseUrl: 'https://user:s3cret@tessera.example' });
    } catch (error) {
      text = String(error);
    }
    expect(text).toMatch(/baseUrl holds credentials/);
    expect(text).not.toContain('s3cret');
  });
});
