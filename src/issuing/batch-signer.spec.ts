import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { BatchSigner } from './batch-signer.ts';
import type { LoadedSigningKey } from './loaded-key-ring.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const good = keyOf('ES256', privateKey);
// A public key cannot sign: node:crypto throws.
const broken = keyOf('ES256', createPublicKey(privateKey));

function keyOf(alg: LoadedSigningKey['alg'], key: KeyObject): LoadedSigningKey {
  return { kid: 'k', alg, privateKey: key, encodedHeader: '', encodedSignatureLength: 86 };
}

function holds(data: string, signature: Buffer): boolean {
  return verify('sha256', Buffer.from(data), { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature);
}

it('signs nothing during the turn that asks, and all of it right after', async () => {
  const signer = new BatchSigner();
  const done: string[] = [];
  const all = ['a', 'b', 'c'].map(async (data) => {
    expect(holds(data, await signer.sign(good, Buffer.from(data)))).toBe(true);
    done.push(data);
  });
  // Timers and promises of the same turn come first.
  await Promise.resolve();
  expect(done).toEqual([]);
  const afterTheTurn = new Promise<string[]>((resolve) =>
    setImmediate(() => {
      resolve([...done]);
    }),
  );
  expect(await afterTheTurn).toEqual(['a', 'b', 'c']);
  await Promise.all(all);
});

it('signs what comes later in a batch of its own', async () => {
  const signer = new BatchSigner();
  for (const data of ['first', 'second']) expect(holds(data, await signer.sign(good, Buffer.from(data)))).toBe(true);
});

it('fails the one that cannot be signed, and no other of its batch', async () => {
  const signer = new BatchSigner();
  const outcomes = await Promise.allSettled(
    [good, broken, good].map((key, index) => signer.sign(key, Buffer.from(String(index)))),
  );
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

it('signs RSA beside the event loop, and fails there alone too', async () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signer = new BatchSigner();
  let turns = 0;
  let turning = setImmediate(function again() {
    turns += 1;
    turning = setImmediate(again);
  });
  const signatures = await Promise.all(
    Array.from({ length: 40 }, (_, index) => signer.sign(keyOf('RS256', rsa.privateKey), Buffer.from(String(index)))),
  );
  clearImmediate(turning);
  // All of them made on the event loop would be one turn, or two.
  expect(turns).toBeGreaterThan(3);
  expect(verify('sha256', Buffer.from('7'), rsa.publicKey, signatures[7]!)).toBe(true);
  await expect(signer.sign(keyOf('RS256', rsa.publicKey), Buffer.from('x'))).rejects.toThrow();
});
