import { generateKeyPairSync, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { derToJws, jwsToDer } from './ecdsa-encoding.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const bytes = (count: number, first: string, last = '01'): string => first + '55'.repeat(count - 2) + last;

/** Each DER with its form in JWS, of 32 bytes an integer. */
const PAIRS: readonly (readonly [name: string, der: string, r: string, s: string])[] = [
  [
    'two full integers below the sign bit',
    `30 44 02 20 ${bytes(32, '7f')} 02 20 ${bytes(32, '01')}`,
    bytes(32, '7f'),
    bytes(32, '01'),
  ],
  [
    'a zero byte for the sign',
    `30 45 02 21 00 ${bytes(32, '80')} 02 20 ${bytes(32, '11')}`,
    bytes(32, '80'),
    bytes(32, '11'),
  ],
  [
    'a zero byte for the sign of both',
    `30 46 02 21 00 ${'ff'.repeat(32)} 02 21 00 ${'ff'.repeat(32)}`,
    'ff'.repeat(32),
    'ff'.repeat(32),
  ],
  ['a short r', `30 43 02 1f ${bytes(31, '12')} 02 20 ${bytes(32, '22')}`, `00${bytes(31, '12')}`, bytes(32, '22')],
  ['a short s', `30 42 02 20 ${bytes(32, '22')} 02 1e ${bytes(30, '12')}`, bytes(32, '22'), `0000${bytes(30, '12')}`],
  [
    'a short r with a zero byte for the sign',
    `30 44 02 20 00 ${bytes(31, '80')} 02 20 ${bytes(32, '22')}`,
    `00${bytes(31, '80')}`,
    bytes(32, '22'),
  ],
  ['one byte each', '30 06 02 01 01 02 01 7f', `${'00'.repeat(31)}01`, `${'00'.repeat(31)}7f`],
  ['zeros, which no signature has', '30 06 02 01 00 02 01 00', '00'.repeat(32), '00'.repeat(32)],
];

it.each(PAIRS)('converts %s in both directions', (_, der, r, s) => {
  expect(derToJws(hex(der), 32).toString('hex')).toBe(r + s);
  expect(jwsToDer(hex(r + s)).toString('hex')).toBe(hex(der).toString('hex'));
});

it.each([
  ['nothing', ''],
  ['the tag alone', '30'],
  ['another tag', '31 06 02 01 01 02 01 01'],
  ['a byte less than its length', '30 06 02 01 01 02 01'],
  ['a byte more than its length', '30 06 02 01 01 02 01 01 00'],
  ['a byte more inside', '30 07 02 01 01 02 01 01 00'],
  ['a short length in two bytes', '30 81 06 02 01 01 02 01 01'],
  ['an indefinite length', '30 80 02 01 01 02 01 01 00 00'],
  ['one integer', '30 03 02 01 01'],
  ['three integers', '30 09 02 01 01 02 01 01 02 01 01'],
  ['another type in place of r', '30 06 03 01 01 02 01 01'],
  ['another type in place of s', '30 06 02 01 01 04 01 01'],
  ['an empty r', '30 05 02 00 02 01 01'],
  ['an empty s', '30 05 02 01 01 02 00'],
  ['an r that reaches over the end', '30 06 02 7f 01 02 01 01'],
  ['an s that reaches over the end', '30 06 02 01 01 02 02 01'],
  ['a negative r', '30 06 02 01 80 02 01 01'],
  ['a negative s', '30 06 02 01 01 02 01 ff'],
  ['a zero byte that r does not need', '30 07 02 02 00 01 02 01 01'],
  ['two zero bytes before s', '30 08 02 01 01 02 03 00 00 ff'],
  ['an r of 33 bytes', `30 26 02 21 ${bytes(33, '01')} 02 01 01`],
  ['an s of 33 bytes with a zero byte for the sign', `30 27 02 01 01 02 22 00 ${bytes(33, '80')}`],
])('refuses DER with %s', (_, der) => {
  expect(() => derToJws(hex(der), 32)).toThrow(RangeError);
});

it('converts any two integers there and back', () => {
  // Many leading zeros, as chance has them in one of 256 signatures.
  const integer = (length: number) =>
    fc
      .tuple(fc.uint8Array({ minLength: length, maxLength: length }), fc.nat(length))
      .map(([value, zeros]) => Buffer.concat([Buffer.alloc(zeros), value]).subarray(0, length));
  fc.assert(
    fc.property(
      fc.constantFrom(32, 48, 66).chain((length) => fc.tuple(fc.constant(length), integer(length), integer(length))),
      ([length, r, s]) => {
        const jws = Buffer.concat([r, s]);
        expect(derToJws(jwsToDer(jws), length).equals(jws)).toBe(true);
      },
    ),
  );
});

it.each([
  ['P-256', 32],
  ['P-384', 48],
  ['P-521', 66],
] as const)('agrees with OpenSSL on signatures of %s', (namedCurve, integerBytes) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
  for (let round = 0; round < 400; round += 1) {
    const data = Buffer.from(String(round));
    const jws = derToJws(sign('sha256', data, privateKey), integerBytes);
    expect(jws).toHaveLength(2 * integerBytes);
    expect(verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, jws)).toBe(true);
    expect(verify('sha256', data, publicKey, jwsToDer(jws))).toBe(true);
  }
});
