import { createVerifier, type VerifierOptions } from '../index.ts';
import { parseVerifierOptions } from './verifier-settings.ts';

const GOOD = { baseUrl: 'https://tessera.example', tenants: ['acme'], audience: 'shop-api' };

describe('createVerifier accepts', () => {
  it.each<[string, object]>([
    ['one Tessera with some tenants', GOOD],
    ['one Tessera with all tenants', { ...GOOD, tenants: 'all' }],
    ['a base with a path', { ...GOOD, baseUrl: 'https://example.com/tessera' }],
    ['http to localhost', { ...GOOD, baseUrl: 'http://localhost:3000' }],
    ['http to 127.0.0.0/8', { ...GOOD, baseUrl: 'http://127.9.9.9:3000' }],
    ['http to [::1]', { ...GOOD, baseUrl: 'http://[::1]:3000' }],
    [
      'http elsewhere, with dangerouslyAllowPlainHttp',
      { ...GOOD, baseUrl: 'http://tessera', dangerouslyAllowPlainHttp: true },
    ],
    [
      'an http name whose keys come by https',
      { ...GOOD, baseUrl: 'http://tessera', fetchBaseUrl: 'https://t.example' },
    ],
    ['one issuer', { issuer: 'https://tessera.example/tenants/acme', audience: 'a' }],
    ['several audiences', { ...GOOD, audience: ['a', 'b'] }],
    ['no skew', { ...GOOD, clockSkewSeconds: 0 }],
    ['a feed for one issuer', { issuer: 'https://tessera.example/tenants/acme', audience: 'a', revocations: {} }],
    [
      'issuers of two Tesseras',
      { issuers: ['https://a.example/tenants/a', 'https://b.example/tenants/b'], audience: 'a' },
    ],
    [
      'an issuer without a feed location, with revocations off',
      { issuers: [{ issuer: 'https://a.example', jwksUri: 'https://a.example/k' }], audience: 'a', revocations: 'off' },
    ],
  ])('%s', (_, options) => {
    createVerifier(options as VerifierOptions).close();
  });
});

describe('createVerifier refuses', () => {
  it.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /the options/],
    ['no trusted issuer', { audience: 'a' }, /exactly one form: pass one of/],
    ['two forms of trusted issuers', { ...GOOD, issuer: 'https://tessera.example/tenants/acme' }, /exactly one form/],
    [
      'tenants without baseUrl',
      { issuer: 'https://t.example/tenants/acme', tenants: 'all', audience: 'a' },
      /tenants belongs to baseUrl/,
    ],
    ['baseUrl without tenants', { ...GOOD, tenants: undefined }, /tenants has to be/],
    ['no tenant', { ...GOOD, tenants: [] }, /tenants has to be/],
    ['a tenant that is not a tenant id', { ...GOOD, tenants: ['Acme'] }, /not a tenant id/],
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
    ['a skew that is not a number', { ...GOOD, clockSkewSeconds: '30' }, /clockSkewSeconds/],
    ['a skew of NaN', { ...GOOD, clockSkewSeconds: Number.NaN }, /clockSkewSeconds/],
    ['an endless lifetime', { ...GOOD, maxLifetimeSeconds: Infinity }, /maxLifetimeSeconds/],
    ['a negative age', { ...GOOD, keys: { maxAgeSeconds: -1 } }, /keys\.maxAgeSeconds/],
    ['something that is not a URL', { ...GOOD, baseUrl: 'tessera' }, /baseUrl is not an http/],
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
    [
      'dangerouslyAllowPlainHttp as a string',
      { ...GOOD, dangerouslyAllowPlainHttp: 'true' },
      /dangerouslyAllowPlainHttp/,
    ],
    [
      'keys of which none is usable',
      { issuers: [{ issuer: 'https://t.example/tenants/a', jwks: { keys: [{ kty: 'EC' }] } }], audience: 'a' },
      /no usable key/,
    ],
    [
      'private keys',
      { issuers: [{ issuer: 'https://t.example/tenants/a', jwks: { keys: [{ kty: 'EC', d: 'x' }] } }], audience: 'a' },
      /private key/,
    ],
    ['a source without isRevoked', { ...GOOD, revocations: { source: {} } }, /isRevoked/],
    ['revocations: on', { ...GOOD, revocations: 'on' }, /revocations/],
    ['an unknown whenStale', { ...GOOD, revocations: { whenStale: 'panic' } }, /whenStale/],
    [
      'a feed without a location',
      { issuers: [{ issuer: 'https://a.example', jwksUri: 'https://a.example/k' }], audience: 'a' },
      /revocations has no location.*revocations: 'off'$/,
    ],
    [
      'a feed without a location, asked for',
      { issuer: 'https://a.example', audience: 'a', revocations: {} },
      /no location/,
    ],
    [
      'a feed by plain http that the options did not ask for',
      { issuers: [{ issuer: 'http://t.example/tenants/a', jwksUri: 'https://t.example/k' }], audience: 'a' },
      /revocations is plain http/,
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
    ['a clock that is not a function', { ...GOOD, nowSeconds: 7 }, /nowSeconds/],
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

describe('without the option revocations', () => {
  const KEY = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo', kid: 'k', alg: 'EdDSA' };
  const inline = (issuer: string) => ({ issuer, jwks: { keys: [KEY] } });
  const [A, B] = ['https://a.example', 'https://b.example'];
  const feedsOf = (options: object): unknown => {
    const { revocations } = parseVerifierOptions({ audience: 'a', ...options } as VerifierOptions);
    return revocations.kind === 'feeds'
      ? revocations.locations.map(({ url, filter, issuers }) => [url + filter, issuers])
      : revocations.kind;
  };

  it.each<[string, object, unknown]>([
    ['all tenants of a base', { baseUrl: A, tenants: 'all' }, [[`${A}/revocations`, 'all']]],
    [
      'some tenants of a base',
      { baseUrl: A, tenants: ['x', 'y'] },
      [[`${A}/revocations&tenants=x,y`, [`${A}/tenants/x`, `${A}/tenants/y`]]],
    ],
    ['one issuer', { issuer: `${A}/tenants/x` }, [[`${A}/revocations&tenants=x`, [`${A}/tenants/x`]]]],
    [
      'issuers of two bases',
      { issuers: [`${A}/tenants/x`, `${B}/tenants/y`, { issuer: `${A}/tenants/z`, jwksUri: `${B}/keys` }] },
      [
        [`${A}/revocations&tenants=x,z`, [`${A}/tenants/x`, `${A}/tenants/z`]],
        [`${B}/revocations&tenants=y`, [`${B}/tenants/y`]],
      ],
    ],
    [
      'a place to fetch from',
      { issuer: `${A}/tenants/x`, fetchBaseUrl: B },
      [[`${B}/revocations&tenants=x`, [`${A}/tenants/x`]]],
    ],
    [
      'an inline key set beside an issuer that is followed',
      { issuers: [`${A}/tenants/x`, inline(`${B}/tenants/y`), inline('https://c.example')] },
      [
        [`${A}/revocations&tenants=x`, [`${A}/tenants/x`]],
        [`${B}/revocations&tenants=y`, [`${B}/tenants/y`]],
      ],
    ],
  ])('follows %s', (_, options, expected) => {
    expect(feedsOf(options)).toEqual(expected);
  });

  it('asks for 500 tenants by name, and reads the whole feed for more', () => {
    const tenants = Array.from({ length: 501 }, (_, index) => `t${index}`);
    const filterOf = (count: number) =>
      (feedsOf({ baseUrl: A, tenants: tenants.slice(0, count) }) as [string][])[0]![0];
    expect(filterOf(500)).toBe(`${A}/revocations&tenants=${tenants.slice(0, 500).join(',')}`);
    expect(filterOf(501)).toBe(`${A}/revocations`);
  });

  it('polls nothing with inline keys only, unless the options ask for it', () => {
    const options = { issuers: [inline(`${A}/tenants/x`)] };
    expect(feedsOf(options)).toBe('off');
    expect(feedsOf({ ...options, revocations: {} })).toEqual([[`${A}/revocations&tenants=x`, [`${A}/tenants/x`]]]);
    expect(feedsOf({ ...options, fetchBaseUrl: B })).toHaveLength(1);
  });

  it('reads the whole feed where the names of the tenants are too long for a request', () => {
    const tenants = Array.from({ length: 200 }, (_, index) => `tenant-with-a-long-name-${index}`);
    const [location] = feedsOf({ baseUrl: A, tenants }) as [string, string[]][];
    expect([location![0], location![1].length]).toEqual([`${A}/revocations`, 200]);
  });
});
