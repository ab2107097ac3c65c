import { newEcKey, TesseraServer } from '../../test/tessera-server.ts';
import { trustedIssuersOf } from '../core.ts';
import { createVerifier, demandFreshRevocations, publicKeyOf, type TokenVerifier } from '../index.ts';
import { TestTessera } from '../testing.ts';

const shop = new TestTessera({ audience: 'shop-api', tenants: ['acme'] });
const partners = new TestTessera({ audience: 'partner-api', tenants: ['globex'] });
const trustBoth = (more: object = {}, ofEntry: object = {}): TokenVerifier =>
  createVerifier({ ...shop.clientOptions, ...more, alsoTrust: [{ ...partners.clientOptions, ...ofEntry }] });
const codeOf = (result: Promise<unknown>): Promise<unknown> =>
  result.then(
    () => 'accepted',
    (error: unknown) => (error as { code?: unknown }).code,
  );

describe('a verifier with alsoTrust', () => {
  it('accepts the tokens of each issuer', async () => {
    const verifier = trustBoth();
    expect(await verifier.verify(shop.token())).toMatchObject({ tenantId: 'acme', audience: 'shop-api' });
    expect(await verifier.verify(partners.token())).toMatchObject({ tenantId: 'globex', audience: 'partner-api' });
  });

  it.each([
    [
      'of neither issuer',
      () => new TestTessera({ tenants: ['initech'] }).token({ audience: 'shop-api' }),
      'TOKEN_ISSUER_UNTRUSTED',
    ],
    ['that another key signed for the first', () => shop.forgedToken(), 'TOKEN_KEY_UNKNOWN'],
    [
      'of the first, for the audience of the second',
      () => shop.token({ audience: 'partner-api' }),
      'TOKEN_AUDIENCE_WRONG',
    ],
    [
      'of the second, for the audience of the first',
      () => partners.token({ audience: 'shop-api' }),
      'TOKEN_AUDIENCE_WRONG',
    ],
    [
      'that the second signed in the name of the first',
      () => partners.token({ issuer: 'https://tessera.test/tenants/acme' }),
      'TOKEN_KEY_UNKNOWN',
    ],
    ['that is no token', () => 'nonsense', 'TOKEN_MALFORMED'],
  ])('refuses one %s', async (_, make, code) => {
    const refused = await codeOf(trustBoth().verify(make()));
    expect(code === 'TOKEN_KEY_UNKNOWN' ? ['TOKEN_KEY_UNKNOWN', 'TOKEN_SIGNATURE_INVALID'] : [code]).toContain(refused);
  });

  it('accepts a surface from the issuer whose entry lists it, and from no other', async () => {
    const verifier = trustBoth({}, { surfaces: ['admin'] });
    expect(await codeOf(verifier.verify(partners.token({ surface: 'admin' })))).toBe('accepted');
    expect(await codeOf(verifier.verify(partners.token()))).toBe('TOKEN_CLAIM_INVALID');
    expect(await codeOf(verifier.verify(shop.token({ surface: 'admin' })))).toBe('TOKEN_CLAIM_INVALID');
  });

  it('asks the revocations of the issuer, and no other', async () => {
    const verifier = trustBoth();
    const [ofShop, ofPartners] = [shop.token({ tokenId: 'one' }), partners.token({ tokenId: 'one' })];
    partners.revoke(ofPartners);
    expect(await codeOf(verifier.verify(ofPartners))).toBe('TOKEN_REVOKED');
    expect(await codeOf(verifier.verify(ofShop))).toBe('accepted');
  });

  it('demands fresh revocations of the issuer of a token, and of all without one', async () => {
    const verifier = trustBoth({}, { revocations: 'off' });
    const [ofShop, ofPartners] = [await verifier.verify(shop.token()), await verifier.verify(partners.token())];
    expect(() => {
      demandFreshRevocations(verifier, ofShop);
    }).not.toThrow();
    const stale = expect.objectContaining({ code: 'REVOCATIONS_STALE' }) as Error;
    expect(() => {
      demandFreshRevocations(verifier, ofPartners);
    }).toThrow(stale);
    expect(() => {
      demandFreshRevocations(verifier);
    }).toThrow(stale);
  });

  it('shows the key that verified a token', async () => {
    const verifier = trustBoth();
    const { issuers } = partners.clientOptions;
    const key = await publicKeyOf(verifier, await verifier.verify(partners.token()));
    expect(key.export({ format: 'jwk' })).toMatchObject({ x: issuers[0]?.jwks?.keys[0]?.x });
  });

  it('names all issuers that it trusts', () => {
    const both = createVerifier({
      baseUrl: 'https://tessera.example',
      tenants: 'all',
      audience: 'shop-api',
      alsoTrust: [
        { issuer: 'https://partners.example/tenants/acme', audience: 'shop-api' },
        { baseUrl: 'https://third.example', tenants: ['a', 'b'], audience: 'shop-api' },
      ],
    });
    expect(trustedIssuersOf(both)).toEqual([
      'https://tessera.example/tenants/*',
      'https://partners.example/tenants/acme',
      'https://third.example/tenants/a',
      'https://third.example/tenants/b',
    ]);
    expect(trustedIssuersOf({ ...both, verify: both.verify.bind(both) })).toEqual([]);
    both.close();
  });

  it('accepts nothing after it was closed', async () => {
    const verifier = trustBoth();
    verifier.close();
    expect(await codeOf(verifier.verify(shop.token()))).toBe('KEYS_UNAVAILABLE');
    expect(await codeOf(verifier.verify(partners.token()))).toBe('KEYS_UNAVAILABLE');
  });
});

describe('a verifier with alsoTrust, while one Tessera does not answer', () => {
  let server: TesseraServer;
  beforeAll(async () => {
    server = await TesseraServer.start();
  });
  afterAll(() => server.stop());

  it('answers for the other one, and asks nobody for an issuer of neither', async () => {
    server.on('/tenants/acme/jwks.json', (_, response) => response.writeHead(503).end());
    const verifier = createVerifier({
      baseUrl: server.baseUrl,
      tenants: 'all',
      audience: 'shop-api',
      revocations: 'off',
      alsoTrust: [partners.clientOptions],
    });
    expect(await codeOf(verifier.verify(shop.token({ issuer: `${server.baseUrl}/tenants/acme` })))).toBe(
      'KEYS_UNAVAILABLE',
    );
    expect(await codeOf(verifier.verify(partners.token()))).toBe('accepted');
    const requests = server.requests.length;
    expect(await codeOf(verifier.verify(shop.token()))).toBe('TOKEN_ISSUER_UNTRUSTED');
    expect(server.requests.length).toBe(requests);
    expect(await codeOf(verifier.hydrate())).toBe('accepted');
    verifier.close();
  });

  it('fetches listed keys of all of them by hydrate, and rejects when one fails', async () => {
    server.publish('acme', newEcKey('acme-1').publicJwk);
    server.on('/tenants/initech/jwks.json', (_, response) => response.writeHead(503).end());
    const listed = (tenant: string) =>
      ({ baseUrl: server.baseUrl, tenants: [tenant], audience: 'shop-api', revocations: 'off' }) as const;
    const good = createVerifier({ ...listed('acme'), alsoTrust: [partners.clientOptions] });
    expect(await codeOf(good.hydrate())).toBe('accepted');
    const bad = createVerifier({ ...listed('acme'), alsoTrust: [listed('initech')] });
    expect(await codeOf(bad.hydrate())).toBe('KEYS_UNAVAILABLE');
    for (const verifier of [good, bad]) verifier.close();
  });
});

describe('the start is refused', () => {
  const A = { baseUrl: 'https://tessera.example', tenants: 'all', audience: 'shop-api' } as const;
  const TWICE = /alsoTrust trusts an issuer that is trusted already: name each issuer in one place only/;
  it.each<readonly [string, object, RegExp]>([
    ['one Tessera twice', { alsoTrust: [{ ...A, surfaces: ['admin'] }] }, TWICE],
    ['a tenant besides all of them', { alsoTrust: [{ issuer: `${A.baseUrl}/tenants/acme`, audience: 'x' }] }, TWICE],
    ['all tenants besides one', { ...A, tenants: ['acme'], alsoTrust: [A] }, TWICE],
    [
      'two entries with one issuer',
      { alsoTrust: [1, 2].map(() => ({ issuer: 'https://other.example/tenants/a', audience: 'x' })) },
      TWICE,
    ],
    ['an entry without an audience', { alsoTrust: [{ issuer: 'https://other.example/tenants/a' }] }, /audience/],
    ['an entry that is no object', { alsoTrust: ['https://other.example'] }, /an entry of alsoTrust is not an object/],
    ['no list', { alsoTrust: { issuer: 'https://other.example' } }, /alsoTrust is not a list/],
    [
      'an entry with its own alsoTrust',
      { alsoTrust: [{ issuer: 'https://other.example/tenants/a', audience: 'x', alsoTrust: [] }] },
      /write all entries in one list/,
    ],
  ])('for %s', (_, more, message) => {
    expect(() => createVerifier({ ...A, ...more })).toThrow(message);
    expect(() => createVerifier({ ...A, ...more })).toThrow(TypeError);
  });
});
