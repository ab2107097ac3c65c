import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SigningAlgorithm } from '../../libs/token/src/verify/claims.ts';
import { requireServer } from './required-servers.ts';

/** One test vector of Project Wycheproof, with the keys that its group gives the verifier. */
export interface Vector {
  /** Number and comment: enough to find it in the file. */
  readonly name: string;
  /** Comment of the group; empty where there is none. */
  readonly group: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
  readonly keys: readonly JsonWebKey[];
}

export interface TokenVector extends Vector {
  /** Not always compact, nor always a token. */
  readonly jws: string;
}

/** Bytes and a signature over them: no token, because hardly any bytes are base64url. */
export interface SignatureVector extends Vector {
  readonly message: Buffer;
  readonly signature: Buffer;
}

interface Test {
  readonly tcId: number;
  readonly comment: string;
  readonly result: Vector['result'];
}

interface Group<OneTest extends Test> {
  readonly comment?: string;
  readonly tests: readonly OneTest[];
}

type KeyOrSet = JsonWebKey | { readonly keys: readonly JsonWebKey[] };

interface TokenGroup extends Group<Test & { readonly jws: string }> {
  /** Absent where the key is symmetric. */
  readonly public?: KeyOrSet;
  readonly private: KeyOrSet;
}

interface SignatureGroup extends Group<Test & { readonly msg: string; readonly sig: string }> {
  readonly publicKeyDer: string;
}

export function tokenVectors(file: string): readonly TokenVector[] {
  return (readGroups(file) as readonly TokenGroup[]).flatMap((group) =>
    group.tests.map((test) => ({
      ...described(group, test),
      keys: listOf(group.public ?? group.private),
      jws: test.jws,
    })),
  );
}

/** Their keys come without `kid` and `alg`: here they get what a key set would say. */
export function signatureVectors(file: string, kid: string, alg: SigningAlgorithm): readonly SignatureVector[] {
  return (readGroups(file) as readonly SignatureGroup[]).flatMap((group) => {
    const key = createPublicKey({ key: Buffer.from(group.publicKeyDer, 'hex'), format: 'der', type: 'spki' });
    const keys = [{ ...key.export({ format: 'jwk' }), kid, alg }];
    return group.tests.map((test) => ({
      ...described(group, test),
      keys,
      message: Buffer.from(test.msg, 'hex'),
      signature: Buffer.from(test.sig, 'hex'),
    }));
  });
}

function readGroups(file: string): readonly Group<Test>[] {
  const path = join(requireServer('wycheproof'), `${file}_test.json`);
  const { numberOfTests, testGroups } = JSON.parse(readFileSync(path, 'utf8')) as {
    readonly numberOfTests: number;
    readonly testGroups: readonly Group<Test>[];
  };
  // A file of another form, or a part of one, must not pass for the whole.
  if (testGroups.flatMap(({ tests }) => tests).length !== numberOfTests)
    throw new Error(`${path} does not hold the ${numberOfTests} vectors that it speaks of`);
  return testGroups;
}

function described(group: Group<Test>, { tcId, comment, result }: Test): Omit<Vector, 'keys'> {
  return { name: `${tcId} ${comment}`, group: group.comment ?? '', result };
}

function listOf(keys: KeyOrSet): readonly JsonWebKey[] {
  return 'keys' in keys ? (keys.keys as readonly JsonWebKey[]) : [keys];
}
