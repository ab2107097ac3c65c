import { inspect } from 'node:util';
import type { RingDocument } from '../testing/issuing-fixture.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { formatKeyRing, parseKeyRing } from './key-ring.codec.ts';
import type { KeyRing } from './key-ring.ts';
import { activate, firstRing, revoke, rotate } from './key-ring.transitions.ts';
import { newSigningKey } from './new-signing-key.ts';

const T = 1_800_000_000;
const AT_ONCE = { dangerouslyBeforeVerifiersKnowIt: true };

type Fields = Record<string, unknown>;

let good: RingDocument;
let ring: KeyRing;

beforeAll(async () => {
  // One of each state and each algorithm: k1 retired, k2 revoked, k3 active, k4 next.
  const keys = await Promise.all((['ES256', 'EdDSA', 'RS256', 'ES256'] as const).map(newSigningKey));
  ring = firstRing(keys[0]!, T);
  for (const key of keys.slice(1, 3)) {
    ring = (rotate(ring, key, T) as { ring: KeyRing }).ring;
    ring = (activate(ring, key.kid, T, AT_ONCE) as { ring: KeyRing }).ring;
  }
  ring = (revoke(ring, keys[1]!.kid, T) as { ring: KeyRing }).ring;
  ring = (rotate(ring, keys[3]!, T) as { ring: KeyRing }).ring;
  good = formatKeyRing(ring) as RingDocument;
});

function broken(change: (document: RingDocument) => void): Fields {
  const document = structuredClone(good);
  change(document);
  return document;
}

function reason(document: Fields): string {
  try {
    parseKeyRing(document);
  } catch (error) {
    if (error instanceof TesseraError && error.code === 'temporarily_unavailable') return error.reason;
    throw error;
  }
  throw new Error('not refused');
}

it('reads back what it wrote, through JSON', () => {
  const read = parseKeyRing(JSON.parse(JSON.stringify(good)) as Fields);
  expect(read.keys.map((key) => [key.alg, key.state, key.privateJwk !== undefined])).toEqual([
    ['ES256', 'retired', false],
    ['EdDSA', 'revoked', false],
    ['RS256', 'active', true],
    ['ES256', 'next', true],
  ]);
  expect(formatKeyRing(read)).toEqual(good);
});

it('writes the documented fields', () => {
  expect(good.keys.map((key) => Object.keys(key))).toEqual([
    ['kid', 'alg', 'state', 'public_jwk', 'published_at', 'activated_at', 'retire_at'],
    ['kid', 'alg', 'state', 'public_jwk', 'published_at', 'activated_at', 'retire_at'],
    ['kid', 'alg', 'state', 'public_jwk', 'private_jwk', 'published_at', 'activated_at', 'retire_at'],
    ['kid', 'alg', 'state', 'public_jwk', 'private_jwk', 'published_at', 'activated_at'],
  ]);
  expect(good.keys.map((key) => Object.keys(key.public_jwk).sort())).toEqual([
    ['crv', 'kty', 'x', 'y'],
    ['crv', 'kty', 'x'],
    ['e', 'kty', 'n'],
    ['crv', 'kty', 'x', 'y'],
  ]);
});

it('does not show a private key when the ring is printed, inspected or serialized', () => {
  const printed = [
    inspect(ring, { depth: 9, showHidden: true }),
    JSON.stringify(ring),
    String(ring.keys[3]?.privateJwk),
  ];
  for (const text of printed) {
    expect(text).toContain('[redacted]');
    for (const { d } of [good.keys[2]!.private_jwk, good.keys[3]!.private_jwk]) expect(text).not.toContain(d);
  }
});

it('accepts a JWK that repeats members of its entry, and keeps only the members of the key', () => {
  const document = broken(({ keys }) => {
    const { kid, alg } = keys[3]!;
    Object.assign(keys[3]!.public_jwk, { kid, alg, use: 'sig' });
    Object.assign(keys[3]!.private_jwk, { kid, alg, use: 'sig', key_ops: ['sign'] });
  });
  expect(formatKeyRing(parseKeyRing(document))).toEqual(good);
});

it('ignores a private half that was left on a retired or revoked key', () => {
  const document = broken(({ keys }) => {
    keys[0]!.private_jwk = structuredClone(keys[3]!.private_jwk);
    keys[1]!.private_jwk = 'anything' as never;
  });
  expect(formatKeyRing(parseKeyRing(document))).toEqual(good);
});

describe('refuses as a whole a document', () => {
  const rows: [string, (document: RingDocument) => void][] = [
    ['without keys', (document) => delete (document as Fields)['keys']],
    ['with no key', (document) => (document.keys = [])],
    [
      'with more keys than verifiers accept',
      (document) => (document.keys = Array.from({ length: 101 }, (_, i) => ({ ...document.keys[0]!, kid: `k${i}` }))),
    ],
    ['whose keys are not a list', (document) => (document.keys = Object.assign({}, document.keys) as never)],
    ['with an unknown member', (document) => (document['note'] = 'hello')],
    ['with an unknown member in a key', ({ keys }) => (keys[0]!['retireAt'] = 5)],
    ['with a key that is null', ({ keys }) => (keys[0] = null as never)],
    ['with a key that is a list', ({ keys }) => (keys[0] = [] as never)],
    ['with a kid twice', ({ keys }) => (keys[1]!['kid'] = keys[0]!['kid'])],
    ['with an empty kid', ({ keys }) => (keys[0]!['kid'] = '')],
    ['with a kid that is a path', ({ keys }) => (keys[0]!['kid'] = '../globex')],
    ['with a kid that is a number', ({ keys }) => (keys[0]!['kid'] = 7)],
    ['with the algorithm none', ({ keys }) => (keys[0]!['alg'] = 'none')],
    ['with an algorithm of another key type', ({ keys }) => (keys[0]!['alg'] = 'EdDSA')],
    ['with an algorithm that is an inherited name', ({ keys }) => (keys[0]!['alg'] = 'constructor')],
    ['with an unknown state', ({ keys }) => (keys[0]!['state'] = 'Active')],
    ['with a time that is text', ({ keys }) => (keys[0]!['published_at'] = '2027-01-01')],
    ['with a time that is not an integer', ({ keys }) => (keys[0]!['published_at'] = 1.5)],
    ['with a negative time', ({ keys }) => (keys[0]!['activated_at'] = -1)],
    ['with a time in milliseconds', ({ keys }) => (keys[0]!['activated_at'] = T * 1000)],
    ['with a time that is null', ({ keys }) => (keys[2]!['retire_at'] = null)],
    ['without published_at', ({ keys }) => delete keys[0]!['published_at']],
    ['with a retired key without its end', ({ keys }) => delete keys[0]!['retire_at']],
    ['without a public half', ({ keys }) => delete (keys[0] as Fields)['public_jwk']],
    ['with a private member in the public half', ({ keys }) => (keys[0]!.public_jwk['d'] = keys[3]!.private_jwk['d'])],
    ['with another curve', ({ keys }) => (keys[0]!.public_jwk['crv'] = 'P-384')],
    ['without a coordinate', ({ keys }) => delete keys[0]!.public_jwk['y']],
    [
      'with a coordinate that is not base64url',
      ({ keys }) => (keys[0]!.public_jwk['y'] = `${String(keys[0]!.public_jwk['y'])}=`),
    ],
    ['with an active key without its private half', ({ keys }) => delete (keys[2] as Fields)['private_jwk']],
    ['with a next key without its private half', ({ keys }) => delete (keys[3] as Fields)['private_jwk']],
    [
      'with a private half that is a string',
      ({ keys }) => (keys[3]!.private_jwk = JSON.stringify(keys[3]!.private_jwk) as never),
    ],
    ['with a private half without d', ({ keys }) => delete keys[3]!.private_jwk['d']],
    [
      'with a private half of another published one',
      ({ keys }) => (keys[3]!.private_jwk['x'] = keys[0]!.public_jwk['x']),
    ],
    ['with another kid in the public half', ({ keys }) => (keys[3]!.public_jwk['kid'] = keys[0]!['kid'])],
    ['with another alg in the private half', ({ keys }) => (keys[3]!.private_jwk['alg'] = 'ES384')],
    ['with a key for encryption', ({ keys }) => (keys[3]!.public_jwk['use'] = 'enc')],
  ];
  it.each(rows)('%s', (_name, change) => {
    expect(reason(broken(change))).toBe('vault: the key ring is malformed');
  });
});
