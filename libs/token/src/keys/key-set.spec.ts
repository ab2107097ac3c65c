import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { parseKeySet } from './key-set.ts';
import { importVerificationKey } from './verification-key.ts';

function publicJwk(type: 'ES256' | 'RS256' | 'EdDSA', rsa = {}): JsonWebKey {
  const { publicKey } =
    type === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : type === 'RS256'
        ? generateKeyPairSync('rsa', { modulusLength: 2_048, ...rsa })
        : generateKeyPairSync('ed25519');
  return { ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: type, use: 'sig' };
}

const ec = publicJwk('ES256');
const rsa = publicJwk('RS256');
const ed = publicJwk('EdDSA');
// A power of 65537 modulo every small prime, as the moduli of CVE-2017-15361 are.
const SMALL_PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
];
const rocaModulus = SMALL_PRIMES.reduce((product, prime) => product * BigInt(prime), 1n << 1_850n) + 65_537n;
const roca = { ...rsa, n: Buffer.from(rocaModulus.toString(16).padStart(516, '0'), 'hex').toString('base64url') };
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' });

describe('importVerificationKey', () => {
  it.each([
    ['ES256', ec],
    ['RS256', rsa],
    ['EdDSA', ed],
    ['a key without use', { ...ec, use: undefined }],
    ['a key for verify', { ...ec, key_ops: ['verify'] }],
    ['a key with members that are not used here', { ...ec, x5c: ['x'], later: true }],
  ])('takes %s', (_, jwk) => {
    expect(importVerificationKey(jwk).key).toMatchObject({ kid: 'k', alg: jwk.alg });
  });

  it.each<[string, unknown, string]>([
    ['use enc', { ...ec, use: 'enc' }, 'use is not sig'],
    ['use in an array', { ...ec, use: ['sig'] }, 'use is not sig'],
    ['key_ops without verify', { ...ec, key_ops: ['sign'] }, 'key_ops lacks verify'],
    ['key_ops that is a text', { ...ec, key_ops: 'verify' }, 'key_ops lacks verify'],
    ['kid missing', { ...ec, kid: undefined }, 'no kid'],
    ['kid empty', { ...ec, kid: '' }, 'no kid'],
    ['kid a number', { ...ec, kid: 7 }, 'no kid'],
    ['alg missing', { ...ec, alg: undefined }, 'alg is missing or unknown'],
    ['alg HS256', { ...ec, alg: 'HS256' }, 'alg is missing or unknown'],
    // Tessera's own keys have one name. A second one would widen what a token may say.
    ['the other name of its alg', { ...ed, alg: 'Ed25519' }, 'alg is missing or unknown'],
    ['alg of Object.prototype', { ...ec, alg: 'constructor' }, 'alg is missing or unknown'],
    ['alg of another type', { ...ec, alg: 'RS256' }, 'alg does not fit the key'],
    ['alg of another curve', { ...p384, kid: 'k', alg: 'ES256' }, 'alg does not fit the key'],
    ['an RSA key with a curve', { ...rsa, crv: 'P-256' }, 'alg does not fit the key'],
    ['a point that is not on the curve', { ...ec, x: ec.y, y: ec.x }, 'key material is not a key'],
    ['no point', { ...ec, y: undefined }, 'key material is missing'],
    ['RSA of 1024 bits', publicJwk('RS256', { modulusLength: 1_024 }), 'RSA under 2048 bits'],
    ['RSA with e = 3', publicJwk('RS256', { publicExponent: 3 }), 'RSA exponent under 65537'],
    ['RSA with e = 1', { ...rsa, e: 'AQ' }, 'RSA exponent under 65537'],
    ['RSA with e = 2^33 + 1', { ...rsa, e: 'AgAAAAE' }, 'RSA exponent over 33 bits'],
    ['RSA of 8200 bits', { ...rsa, n: Buffer.alloc(1_025, 0xff).toString('base64url') }, 'RSA over 8192 bits'],
    ['RSA of the generator of CVE-2017-15361', roca, 'RSA key of a broken generator'],
    ['a private key', { ...ec, d: 'AAAA' }, 'holds a private key'],
    ['null', null, 'not an object'],
    ['a text', 'key', 'not an object'],
    ['a list', [ec], 'not an object'],
  ])('skips %s', (_, jwk, reason) => {
    expect(importVerificationKey(jwk)).toEqual({ key: undefined, reason });
  });
});

describe('parseKeySet', () => {
  it('keeps the good keys and skips the others', () => {
    const { keys } = parseKeySet({
      keys: [{ ...ec, kid: 'good' }, { ...rsa, kid: 'bad', use: 'enc' }, null, 7, 'x', {}],
    });
    expect([...(keys?.keys() ?? [])]).toEqual(['good']);
  });

  it('accepts 100 keys and refuses 101', () => {
    const keys = Array.from({ length: 101 }, (_, i) => ({ ...ec, kid: `k-${i}` }));
    expect(parseKeySet({ keys: keys.slice(1) }).keys?.size).toBe(100);
    expect(parseKeySet({ keys })).toEqual({ refusal: 'more than 100 keys' });
  });

  it('refuses a kid that repeats even on a key that would be skipped', () => {
    expect(parseKeySet({ keys: [ec, { kid: 'k', kty: 'EC' }] })).toEqual({ refusal: 'a kid repeats' });
  });

  it.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'])('refuses a set where a key has the member %s', (member) => {
    expect(parseKeySet({ keys: [ec, { kid: 'x', [member]: 'AAAA' }] })).toEqual({ refusal: 'a private key is in it' });
  });
});
