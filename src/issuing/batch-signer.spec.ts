import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BatchSigner } from './batch-signer.ts';
import type { LoadedSigningKey } from '../keys/loaded-key-ring.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const good = keyOf('ES256', privateKey);
// A public key cannot sign: node:crypto throws.
const broken = keyOf('ES256', createPublicKey(privateKey));

function keyOf(alg: LoadedSigningKey['alg'], key: KeyObject): LoadedSigningKey {
  const publicJwk = { kty: 'EC', crv: 'P-256', x: '', y: '' } as const;
  return { kid: 'k', alg, privateKey: key, publicJwk, encodedHeader: '', encodedSignatureLength: 86 };
}

function holds(data: string, signature: Buffer): boolean {
  return verify('sha256', Buffer.from(data), { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature);
}

it('signs nothing during the turn of the request, and everything right after it', async () => {
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

it('signs later requests in a batch of their own', async () => {
  const signer = new BatchSigner();
  for (const data of ['first', 'second']) expect(holds(data, await signer.sign(good, Buffer.from(data)))).toBe(true);
});

it('fails only the request that cannot be signed, and no other of its batch', async () => {
  const signer = new BatchSigner();
  const outcomes = await Promise.allSettled(
    [good, broken, good].map((key, index) => signer.sign(key, Buffer.from(String(index)))),
  );
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

it('signs RSA on the thread pool, where a failure is isolated too', async () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signer = new BatchSigner();
  const release = occupyThreadPool();
  let isSigned = false;
  const signed = signer.sign(keyOf('RS256', rsa.privateKey), Buffer.from('x')).finally(() => {
    isSigned = true;
  });
  try {
    // A later request on the event loop does not wait for it.
    expect(holds('y', await signer.sign(good, Buffer.from('y')))).toBe(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(isSigned).toBe(false);
  } finally {
    await release();
  }
  expect(verify('sha256', Buffer.from('x'), rsa.publicKey, await signed)).toBe(true);
  await expect(signer.sign(keyOf('RS256', rsa.publicKey), Buffer.from('x'))).rejects.toThrow();
});

/** Blocks every thread on reading a pipe. Returns a function that writes to it and so releases them. */
function occupyThreadPool(): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-'));
  const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4);
  const pipes = Array.from({ length: threads }, (_, index) => join(folder, String(index)));
  execFileSync('mkfifo', pipes);
  const readers = pipes.map((pipe) => open(pipe, 'r'));
  return async () => {
    const writers = pipes.map((pipe) => openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK));
    for (const reader of await Promise.all(readers)) await reader.close();
    for (const writer of writers) closeSync(writer);
    rmSync(folder, { recursive: true });
  };
}
