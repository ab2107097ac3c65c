import { constants, generateKeyPairSync, sign } from 'node:crypto';
import { type SignatureAlgorithm, verifySignature } from './signature-check.ts';

const ES256: SignatureAlgorithm = { keyType: 'ec', curve: 'prime256v1', digest: 'sha256', signatureBytes: 64 };
const ES384: SignatureAlgorithm = { keyType: 'ec', curve: 'secp384r1', digest: 'sha384', signatureBytes: 96 };
const RS256: SignatureAlgorithm = { keyType: 'rsa', digest: 'sha256', padding: 'pkcs1' };
const PS256: SignatureAlgorithm = { keyType: 'rsa', digest: 'sha256', padding: 'pss' };
const ED25519: SignatureAlgorithm = { keyType: 'ed25519', digest: null, signatureBytes: 64 };

const TEXT = 'header.payload';
const DATA = Buffer.from(TEXT);
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const ed = generateKeyPairSync('ed25519');
const EC_SIGNATURE = sign('sha256', DATA, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' });
const RSA_SIGNATURE = sign('sha256', DATA, rsa.privateKey);
const ED_SIGNATURE = sign(null, DATA, ed.privateKey);

it.each([
  ['ES256', ES256, ec.publicKey, EC_SIGNATURE],
  ['RS256', RS256, rsa.publicKey, RSA_SIGNATURE],
  ['EdDSA', ED25519, ed.publicKey, ED_SIGNATURE],
])('accepts %s over the same text only', (_, algorithm, key, signature) => {
  expect(verifySignature(algorithm, key, TEXT, signature)).toBe(true);
  expect(verifySignature(algorithm, key, `${TEXT}x`, signature)).toBe(false);
});

it.each([
  ['in DER', ES256, ec.publicKey, sign('sha256', DATA, ec.privateKey)],
  ['with a byte more', ES256, ec.publicKey, Buffer.concat([EC_SIGNATURE, Buffer.alloc(1)])],
  ['of zeros', ES256, ec.publicKey, Buffer.alloc(64)],
  ['with the other padding', PS256, rsa.publicKey, RSA_SIGNATURE],
  // node:crypto would accept these two: it goes by the key and knows no algorithm of JWS.
  [
    'of an Ed25519 key for an algorithm of another type',
    { ...ED25519, keyType: 'ec', curve: 'x' },
    ed.publicKey,
    ED_SIGNATURE,
  ],
  [
    'of a curve that is not that of the algorithm',
    { ...ES384, digest: 'sha256', signatureBytes: 64 },
    ec.publicKey,
    EC_SIGNATURE,
  ],
] as [string, SignatureAlgorithm, typeof ec.publicKey, Buffer][])(
  'refuses a signature %s',
  (_, algorithm, key, signature) => {
    expect(verifySignature(algorithm, key, TEXT, signature)).toBe(false);
  },
);

it('refuses an RSA signature with a salt that is not as long as the digest', () => {
  const signed = (saltLength: number): Buffer =>
    sign('sha256', DATA, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
  expect(verifySignature(PS256, rsa.publicKey, TEXT, signed(20))).toBe(false);
  expect(verifySignature(PS256, rsa.publicKey, TEXT, signed(32))).toBe(true);
});
