import { holdsPrivateKey, importKeyMaterial, refusalOfPurpose } from '@tessera/token/core';
import {
  fitsAlgorithm,
  parseSubjectTokenAlgorithm,
  SUBJECT_TOKEN_ALGORITHM_NAMES,
} from '../subject-token-algorithm.ts';
import type { ClientKey } from '../../tenancy/tenant.ts';

/** What is wrong with a JWK. */
export interface RefusedKey {
  /** Undefined: the JWK as a whole. */
  readonly member: 'kid' | 'alg' | 'use' | 'key_ops' | undefined;
  readonly problem: string;
  /** Undefined: the problem says it. */
  readonly fix: string | undefined;
}

export type CheckedClientKey =
  | { readonly key: ClientKey; readonly refusals?: undefined }
  | { readonly key?: undefined; readonly refusals: readonly RefusedKey[] };

const KEY_ID = /^[\x21-\x7e]{1,100}$/;

const LEAKED: RefusedKey = {
  member: undefined,
  problem: 'is a private or secret key, and must be considered leaked',
  fix: 'make a new key pair, and write the members of its public key only',
};

/**
 * Checks a JWK (RFC 7517) with which a client signs its assertions, and keeps its public members only. Members that nobody here understands are left
 * out, as the RFC says (section 4).
 */
export function checkClientKey(jwk: Readonly<Record<string, unknown>>): CheckedClientKey {
  // Nothing else matters about such a key, and its owner must not read of anything else.
  if (holdsPrivateKey(jwk)) return { refusals: [LEAKED] };
  const { kid, alg } = jwk;
  const algorithm = parseSubjectTokenAlgorithm(alg);
  const { publicKey, reason } = importKeyMaterial(jwk);
  const refusals = [
    refusalOfKid(kid),
    algorithm === undefined ? refusalOfAlgorithm(alg) : undefined,
    refusalOfPurposes(jwk),
    publicKey === undefined ? refusalOfMaterial(reason) : undefined,
    publicKey !== undefined && algorithm !== undefined && !fitsAlgorithm(algorithm, publicKey) ? UNFIT : undefined,
  ].filter((refusal) => refusal !== undefined);
  if (refusals.length > 0 || publicKey === undefined || algorithm === undefined) return { refusals };
  // Exported again, the members are the public ones in their one spelling.
  return { key: { ...(publicKey.export({ format: 'jwk' }) as ClientKey), kid: kid as string, alg: algorithm } };
}

const UNFIT: RefusedKey = {
  member: 'alg',
  problem: 'does not fit the key',
  fix: 'write the algorithm of its kty and crv, such as ES256 for EC with P-256',
};

function refusalOfKid(kid: unknown): RefusedKey | undefined {
  if (kid === undefined)
    return {
      member: 'kid',
      problem: 'a key needs "kid"',
      fix: 'write the name that the client puts into the header of its assertions',
    };
  return typeof kid === 'string' && KEY_ID.test(kid)
    ? undefined
    : {
        member: 'kid',
        problem: 'must be a text of 1 to 100 printable ASCII characters without spaces',
        fix: undefined,
      };
}

function refusalOfAlgorithm(alg: unknown): RefusedKey {
  return {
    member: 'alg',
    problem: alg === undefined ? 'a key needs "alg"' : 'is not an algorithm of a public key',
    fix: `write the one that the client signs with, one of ${SUBJECT_TOKEN_ALGORITHM_NAMES.join(', ')}`,
  };
}

function refusalOfPurposes(jwk: Readonly<Record<string, unknown>>): RefusedKey | undefined {
  const otherPurpose = refusalOfPurpose(jwk);
  if (otherPurpose === undefined) return undefined;
  return {
    member: jwk['use'] !== undefined && jwk['use'] !== 'sig' ? 'use' : 'key_ops',
    problem: `says that the key is for something else (${otherPurpose})`,
    fix: 'write a key that is for signatures',
  };
}

function refusalOfMaterial(reason: string): RefusedKey {
  return {
    member: undefined,
    problem: `is not a public key that can be used (${reason})`,
    fix: 'write one of kty EC (P-256, P-384, P-521), RSA (2048 bits or more) or OKP (Ed25519)',
  };
}
