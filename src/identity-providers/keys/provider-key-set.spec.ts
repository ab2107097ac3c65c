import { providerKey } from '../../testing/provider-tokens.ts';
import { findProviderKey, parseProviderKeySet } from './provider-key-set.ts';

const GOOD = providerKey('good');
const RSA = providerKey('rsa', 'RS256');
const setOf = (...keys: unknown[]) => parseProviderKeySet({ keys }, undefined);
const kids = (...keys: unknown[]) => setOf(...keys).set?.keys.map(({ kid }) => kid);

describe('a set', () => {
  it.each([
    ['no object', 'x', 'the answer is not a key set'],
    ['null', null, 'the answer is not a key set'],
    ['no keys', {}, 'the answer is not a key set'],
    ['keys that are no list', { keys: {} }, 'the answer is not a key set'],
    ['101 keys', { keys: Array(101).fill(GOOD.jwk) }, 'the key set has over 100 keys'],
    ['50,000 keys', { keys: Array(50_000).fill({}) }, 'the key set has over 100 keys'],
    [
      'a private key',
      { keys: [GOOD.jwk, RSA.privateKey.export({ format: 'jwk' })] },
      'the key set holds a private key',
    ],
    [
      'a private key for another purpose',
      { keys: [GOOD.jwk, { ...RSA.privateKey.export({ format: 'jwk' }), use: 'enc' }] },
      'the key set holds a private key',
    ],
    ['a symmetric key', { keys: [GOOD.jwk, { kty: 'oct', k: 'c2VjcmV0' }] }, 'the key set holds a private key'],
  ])('is refused as a whole with %s', (_, value, refusal) => {
    expect(parseProviderKeySet(value, undefined)).toEqual({ refusal });
  });

  it('may have 100 keys', () => {
    expect(kids(...Array<unknown>(100).fill(GOOD.jwk))).toHaveLength(100);
  });

  it.each([
    ['RSA of 1,024 bits', providerKey('weak', 'RS256', { bits: 1_024, exponent: 65_537 }).jwk, 'RSA under 2048 bits'],
    ['RSA with e = 3', providerKey('weak', 'RS256', { bits: 2_048, exponent: 3 }).jwk, 'RSA exponent under 65537'],
    ['RSA with e = 1', { ...RSA.jwk, e: 'AQ' }, 'RSA exponent under 65537'],
    ['an alg of another type', { ...GOOD.jwk, alg: 'RS256' }, 'alg does not fit the key'],
    ['an alg of another curve', { ...GOOD.jwk, alg: 'ES384' }, 'alg does not fit the key'],
    ['alg HS256', { ...GOOD.jwk, alg: 'HS256' }, 'alg is unknown'],
    ['a number as kid', { ...GOOD.jwk, kid: 1 }, 'kid is not a text'],
    ['no material', { kty: 'EC', kid: 'x' }, 'key material is not a key'],
    ['a point off the curve', { ...GOOD.jwk, y: GOOD.jwk.x }, 'key material is not a key'],
  ])('skips %s', (_, jwk, reason) => {
    const { set } = setOf(jwk, RSA.jwk);
    expect(set?.keys.map(({ kid }) => kid)).toEqual(['rsa']);
    expect(set?.skipped).toMatchObject([{ reason, isForOtherPurpose: false }]);
  });

  it.each([
    ['use enc', { ...RSA.jwk, use: 'enc', alg: 'RSA-OAEP' }],
    ['key_ops without verify', { ...RSA.jwk, use: undefined, key_ops: ['encrypt'] }],
    ['a value that is not an object', 'key'],
    ['use jwt-svid', { ...RSA.jwk, use: 'jwt-svid' }],
    ['use x509-svid', { ...RSA.jwk, use: 'x509-svid' }],
  ])('skips %s without a log line', (_, jwk) => {
    expect(setOf(jwk, GOOD.jwk).set).toMatchObject({ keys: [{ kid: 'good' }], skipped: [{ isForOtherPurpose: true }] });
  });

  const bundle = (...keys: unknown[]) => parseProviderKeySet({ keys }, 'jwt-svid').set?.keys.map(({ kid }) => kid);

  it.each(['jwt-svid', 'sig', undefined])('with key_use: jwt-svid has keys with use %s', (use) => {
    expect(bundle({ ...GOOD.jwk, use })).toEqual(['good']);
  });

  it.each<[string, object]>([
    ['use x509-svid', { use: 'x509-svid' }],
    ['use enc', { use: 'enc' }],
    ['use in another case', { use: 'JWT-SVID' }],
    ['use in a list', { use: ['jwt-svid'] }],
    ['no use, and key_ops without verify', { use: 'jwt-svid', key_ops: ['sign'] }],
    ['an alg of another curve', { use: 'jwt-svid', alg: 'ES384' }],
  ])('with key_use: jwt-svid still skips %s', (_, changes) => {
    expect(bundle({ ...GOOD.jwk, ...changes })).toEqual([]);
  });

  it('with key_use: jwt-svid still skips a weak key', () => {
    const weak = providerKey('weak', 'RS256', { bits: 1_024, exponent: 65_537 });
    expect(bundle({ ...weak.jwk, use: 'jwt-svid' })).toEqual([]);
  });
});

describe('findProviderKey', () => {
  const withoutAlg = { ...RSA.jwk, alg: undefined };
  const withoutKid = { ...GOOD.jwk, kid: undefined };
  const find = (
    keys: unknown[],
    ...wanted: Parameters<typeof findProviderKey> extends [unknown, ...infer R] ? R : never
  ) => findProviderKey(setOf(...keys).set!, ...wanted);

  it('finds a key by its kid', () => {
    expect(find([GOOD.jwk, RSA.jwk], 'ES256', 'good')?.kid).toBe('good');
    expect(find([GOOD.jwk, RSA.jwk], 'ES256', 'Good')).toBeUndefined();
  });

  it('uses the algorithm of the key if it has one', () => {
    expect(find([RSA.jwk], 'RS256', 'rsa')).toBeDefined();
    expect(find([RSA.jwk], 'PS256', 'rsa')).toBeUndefined();
    expect(find([withoutAlg], 'PS256', 'rsa')).toBeDefined();
    expect(find([withoutAlg], 'ES256', 'rsa')).toBeUndefined();
  });

  it('without a kid finds the only matching key, and none of two', () => {
    expect(find([GOOD.jwk, RSA.jwk], 'ES256', undefined)?.kid).toBe('good');
    expect(find([GOOD.jwk, providerKey('other').jwk], 'ES256', undefined)).toBeUndefined();
  });

  it('finds no key without a kid for a token that names one', () => {
    expect(find([withoutKid], 'ES256', 'good')).toBeUndefined();
  });

  it('finds neither of two keys of one kid', () => {
    expect(find([GOOD.jwk, providerKey('good').jwk], 'ES256', 'good')).toBeUndefined();
    expect(find([GOOD.jwk, { ...RSA.jwk, kid: 'good' }], 'ES256', 'good')).toBeDefined();
  });
});
