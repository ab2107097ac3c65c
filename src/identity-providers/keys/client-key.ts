import { holdsPrivateKey, importKeyMaterial, refusalOfPurpose } from '@tessera/token/core';
import {
  fitsAlgorithm,
  parseSubjectTokenAlgorithm,
  SUBJECT_TOKEN_ALGORITHM_NAMES,
} from '../subject-token-algorithm.ts';
import type { ClientKey } from '../../tenancy/tenant.ts';

/** Which member of a JWK is wrong, or the JWK as a whole, and a sentence that ends with the fix. */
export interface RefusedKey {
  readonly member: 'kid' | 'alg' | 'use' | 'key_ops' | undefined;
  readonly message: string;
}

export type CheckedClientKey =
  | { readonly key: ClientKey; readonly refusals?: undefined }
  | { readonly key?: undefined; readonly refusals: readonly RefusedKey[] };

const KEY_ID = /^[\x21-\x7e]{1,100}$/;

const LEAKED =
  'is a private or secret key, and must be considered leaked: make a new key pair, and write the members of its public key only';

/**
 * Checks a JWK (RFC 7517) with which a client signs its assertions, and keeps its public members only. Members that nobody here understands are left
 * out, as the RFC says (section 4).
 */
export function checkClientKey(jwk: Readonly<Record<string, unknown>>): CheckedClientKey {
  // Nothing else matters about such a key, and its owner must not read of anything else.
  if (holdsPrivateKey(jwk)) return { refusals: [{ member: undefined, message: LEAKED }] };
  const { kid, alg } = jwk;
  const algorithm = parseSubjectTokenAlgorithm(alg);
  const { publicKey, reason } = importKeyMaterial(jwk);
  const refusals: RefusedKey[] = [];
  const refuse = (member: RefusedKey['member'], message: string): void => void refusals.push({ member, message });
  if (typeof kid !== 'string' || !KEY_ID.test(kid))
    refuse(
      'kid',
      kid === undefined
        ? 'a key needs "kid": write the name that the client puts into the header of its assertions'
        : 'must be a text of 1 to 100 printable ASCII characters without spaces',
    );
  if (algorithm === undefined)
    refuse(
      'alg',
      `${alg === undefined ? 'a key needs "alg"' : 'is not an algorithm of a public key'}: write the one that the client signs with, one of ${SUBJECT_TOKEN_ALGORITHM_NAMES.join(', ')}`,
    );
  const otherPurpose = refusalOfPurpose(jwk);
  if (otherPurpose !== undefined)
    refuse(
      jwk['use'] !== undefined && jwk['use'] !== 'sig' ? 'use' : 'key_ops',
      `says that the key is for something else (${otherPurpose}): write a key that is for signatures`,
    );
  if (publicKey === undefined)
    refuse(
      undefined,
      `is not a public key that can be used (${reason}): write one of kty EC (P-256, P-384, P-521), RSA (2048 bits or more) or OKP (Ed25519)`,
    );
  else if (algorithm !== undefined && !fitsAlgorithm(algorithm, publicKey))
    refuse('alg', 'does not fit the key: write the algorithm of its kty and crv, such as ES256 for EC with P-256');
  if (refusals.length > 0 || publicKey === undefined || algorithm === undefined) return { refusals };
  // Exported again, the members are the public ones in their one spelling.
  return { key: { ...(publicKey.export({ format: 'jwk' }) as ClientKey), kid: kid as string, alg: algorithm } };
}
