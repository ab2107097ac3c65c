import { base64url, providerKey, signSubjectTokenText, writeSubjectToken } from '../testing/provider-tokens.ts';
import { refusalOf } from '../testing/refusal.ts';
import { SUBJECT_TOKEN_ALGORITHMS, fitsAlgorithm, signatureHolds } from './subject-token-algorithm.ts';
import { parseSubjectToken, replayId } from './subject-token.ts';
import { PresentedToken } from '../domain/presented-token.ts';

const KEY = providerKey('k1');
const CLAIMS = { iss: 'https://idp.example.com', sub: 'ada', jti: 'j1' };
const GOOD = writeSubjectToken({ key: KEY, claims: CLAIMS });
const parse = (token: string) => parseSubjectToken(new PresentedToken(token));
const reasonOf = async (token: string): Promise<string> => {
  const error = await refusalOf(Promise.resolve().then(() => parse(token)));
  expect(error.code).toBe('unauthorized');
  return error.reason.replace('the subject token is refused: ', '');
};
const [header = '', payload = '', signature = ''] = GOOD.split('.');

describe('parseSubjectToken', () => {
  it('returns the token’s claims', () => {
    expect(parse(GOOD)).toMatchObject({ algorithm: 'ES256', kid: 'k1', issuer: CLAIMS.iss, claims: CLAIMS });
  });

  it.each([
    ['other header members', { 'x-made-up': { a: 1 } }],
    ['jwk, jku, x5u and x5c', { jwk: {}, jku: 'http://169.254.169.254/', x5u: 'http://127.0.0.1/', x5c: ['a'] }],
    ['no kid', { kid: undefined }],
  ])('ignores %s', (_, changes) => {
    expect(parse(writeSubjectToken({ key: KEY, claims: CLAIMS, header: changes })).issuer).toBe(CLAIMS.iss);
  });

  it.each([
    ['crit', { crit: ['exp'] }, 'its header changes its meaning'],
    ['an empty crit', { crit: [] }, 'its header changes its meaning'],
    ['b64', { b64: true }, 'its header changes its meaning'],
    ['zip', { zip: 'DEF' }, 'its header changes its meaning'],
    ['alg none', { alg: 'none' }, 'its algorithm proves nothing about who signed'],
    ['alg None', { alg: 'None' }, 'its algorithm proves nothing about who signed'],
    ['HS256', { alg: 'HS256' }, 'its algorithm proves nothing about who signed'],
    ['a lower-case alg', { alg: 'es256' }, 'its algorithm proves nothing about who signed'],
    ['an alg from the prototype', { alg: 'toString' }, 'its algorithm proves nothing about who signed'],
    ['no alg', { alg: undefined }, 'its algorithm proves nothing about who signed'],
    ['a number as typ', { typ: 1 }, 'its typ is not a media type'],
    ['an object as typ', { typ: { a: 'JWT' } }, 'its typ is not a media type'],
    ['a list as typ', { typ: ['JWT'] }, 'its typ is not a media type'],
    ['null as typ', { typ: null }, 'its typ is not a media type'],
    ['true as typ', { typ: true }, 'its typ is not a media type'],
    ['an empty typ', { typ: '' }, 'its typ is not a media type'],
    ['a star as typ', { typ: '*' }, 'its typ is not a media type'],
    ['an empty kid', { kid: '' }, 'its kid is not a text'],
    ['a number as kid', { kid: 1 }, 'its kid is not a text'],
    ['null as kid', { kid: null }, 'its kid is not a text'],
  ])('rejects %s in the header', async (_, changes, reason) => {
    expect(await reasonOf(writeSubjectToken({ key: KEY, claims: CLAIMS, header: changes }))).toBe(reason);
  });

  it.each([
    ['nothing', ''],
    ['an opaque text', 'opaque'],
    ['HTML', '<!doctype html><title>a.b.c</title>'],
    ['five parts', `${GOOD}.a.b`],
    ['two parts', `${header}.${payload}`],
    ['a thousand dots', '.'.repeat(1_000)],
    ['100 kB', `${header}.${'a'.repeat(100_000)}.${signature}`],
    ['a space', `${GOOD} `],
    ['a newline', `${GOOD}\n`],
    ['padding', `${GOOD}=`],
    ['the standard alphabet', `${header}.${payload}.${signature.replace(/[-_]|^./, '+')}`],
    ['the general JSON form', JSON.stringify({ payload, signatures: [{ protected: header, signature }] })],
    ['a list as the payload', `${header}.${base64url('[]')}.${signature}`],
    ['a BOM', `${header}.${base64url('\ufeff{}')}.${signature}`],
    ['duplicate names', signSubjectTokenText(KEY, '{"alg":"ES256"}', '{"iss":"https://a","iss":"https://b"}')],
    ['escaped duplicate names', signSubjectTokenText(KEY, '{"alg":"ES256","\\u0061lg":"none"}', '{"iss":"https://a"}')],
    ['deep claims', signSubjectTokenText(KEY, '{"alg":"ES256"}', `{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`)],
    ['an infinite number', signSubjectTokenText(KEY, '{"alg":"ES256"}', '{"exp":1e999}')],
  ])('rejects %s', async (_, token) => {
    expect(await reasonOf(token)).toBe('it is malformed');
  });

  it('accepts 16 KiB and not one byte more', async () => {
    const length = 16_384 - header.length - payload.length - 2;
    // A length of 1 above a multiple of 4 is not valid base64url.
    const [whole, over] = length % 4 === 0 ? [length, length + 2] : [length - (length % 4), length - (length % 4) + 4];
    const sized = (bytes: number) => `${header}.${payload}.${'A'.repeat(bytes)}`;
    expect(sized(whole).length).toBeLessThanOrEqual(16_384);
    expect(parse(sized(whole)).issuer).toBe(CLAIMS.iss);
    expect(sized(over).length).toBeGreaterThan(16_384);
    expect(await reasonOf(sized(over))).toBe('it is malformed');
  });

  it.each([undefined, '', 7, null])('rejects the issuer %p', async (iss) => {
    expect(await reasonOf(writeSubjectToken({ key: KEY, claims: { ...CLAIMS, iss } }))).toBe('it has no issuer');
  });

  it('parses no changed token that its key would still verify', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/. ';
    const { publicKey, algorithm } = { publicKey: KEY.privateKey, algorithm: KEY.algorithm };
    for (let index = 0; index < GOOD.length; index++) {
      const at = GOOD.charAt(index);
      const other = alphabet.charAt((alphabet.indexOf(at) + 1) % alphabet.length);
      const changed = `${GOOD.slice(0, index)}${other}${GOOD.slice(index + 1)}`;
      try {
        const { signingInput, signature: bytes } = parse(changed);
        expect(signatureHolds(algorithm, publicKey, signingInput, bytes)).toBe(false);
      } catch (error) {
        expect(error).toHaveProperty('code', 'unauthorized');
      }
    }
  });
});

describe('replayId', () => {
  const id = (token: string) => replayId(parse(token));

  it('depends only on issuer and jti', () => {
    expect(id(writeSubjectToken({ key: KEY, claims: { ...CLAIMS, sub: 'eve' } }))).toBe(id(GOOD));
    expect(id(writeSubjectToken({ key: KEY, claims: { ...CLAIMS, jti: 'j2' } }))).not.toBe(id(GOOD));
  });

  it('depends on the signed text if there is no jti: a second signature makes no second token', () => {
    const claims = { ...CLAIMS, jti: undefined };
    const first = writeSubjectToken({ key: KEY, claims });
    const second = writeSubjectToken({ key: KEY, claims });
    expect(second).not.toBe(first);
    expect(id(second)).toBe(id(first));
    expect(id(writeSubjectToken({ key: KEY, claims: { ...claims, sub: 'eve' } }))).not.toBe(id(first));
  });

  it('has one length, and cannot be chosen to be that of another kind', () => {
    expect(id(GOOD)).toHaveLength(43);
    const bare = writeSubjectToken({ key: KEY, claims: { ...CLAIMS, jti: undefined } });
    const { signingInput } = parse(bare);
    for (const jti of [signingInput, `token:${signingInput}`])
      expect(id(writeSubjectToken({ key: KEY, claims: { ...CLAIMS, jti } }))).not.toBe(id(bare));
  });
});

describe('signatureHolds', () => {
  it.each(SUBJECT_TOKEN_ALGORITHMS)('is true for %s by the right key, and false by any other', (algorithm) => {
    const key = providerKey('k', algorithm);
    const other = providerKey('k', algorithm);
    const { signingInput, signature: bytes } = parse(writeSubjectToken({ key, claims: CLAIMS }));
    expect(fitsAlgorithm(algorithm, key.privateKey)).toBe(true);
    expect(signatureHolds(algorithm, key.privateKey, signingInput, bytes)).toBe(true);
    expect(signatureHolds(algorithm, other.privateKey, signingInput, bytes)).toBe(false);
    expect(signatureHolds(algorithm, key.privateKey, `${signingInput}x`, bytes)).toBe(false);
    expect(signatureHolds(algorithm, key.privateKey, signingInput, Buffer.alloc(0))).toBe(false);
  });

  it.each([
    ['ES256', 'ES384'],
    ['ES256', 'RS256'],
    ['RS256', 'EdDSA'],
  ] as const)('is never asked with a key of %s for %s', (of, algorithm) => {
    expect(fitsAlgorithm(algorithm, providerKey('k', of).privateKey)).toBe(false);
  });
});
