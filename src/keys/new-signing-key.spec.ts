import { calculateJwkThumbprint } from 'jose';
import { Secret } from '../config/secret.ts';
import { newSigningKey } from './new-signing-key.ts';

const ROWS = [
  ['ES256', ['crv', 'kty', 'x', 'y'], ['d']],
  ['RS256', ['e', 'kty', 'n'], ['d', 'dp', 'dq', 'p', 'q', 'qi']],
  ['EdDSA', ['crv', 'kty', 'x'], ['d']],
] as const;

it.each(ROWS)(
  'makes an %s key of the right members, named by its thumbprint',
  async (alg, publicMembers, privateMembers) => {
    const key = await newSigningKey(alg);
    expect(Object.keys(key.publicJwk).sort()).toEqual(publicMembers);
    const privateJwk = JSON.parse(Secret.reveal(key.privateJwk)) as object;
    expect(Object.keys(privateJwk).sort()).toEqual([...publicMembers, ...privateMembers].sort());
    expect(privateJwk).toMatchObject(key.publicJwk);
    expect(key.kid).toBe(await calculateJwkThumbprint(key.publicJwk));
  },
);

it('makes RSA keys of 3072 bits with the usual exponent', async () => {
  const { publicJwk } = await newSigningKey('RS256');
  if (publicJwk.kty !== 'RSA') throw new Error('not an RSA key');
  expect(Buffer.from(publicJwk.n, 'base64url')).toHaveLength(384);
  expect(publicJwk.e).toBe('AQAB');
});

it('makes another key each time', async () => {
  expect((await newSigningKey('EdDSA')).kid).not.toBe((await newSigningKey('EdDSA')).kid);
});

it('gives no key a kid that a command line would take for an option', async () => {
  // One in 64 would start with a dash; that none of these does by chance happens once in ten thousand runs.
  const keys = await Promise.all(Array.from({ length: 600 }, () => newSigningKey('EdDSA')));
  expect(keys.filter(({ kid }) => !/^[A-Za-z0-9_]/.test(kid))).toEqual([]);
});
