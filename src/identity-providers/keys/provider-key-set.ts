import type { KeyObject } from 'node:crypto';
import { holdsPrivateKey, importKeyMaterial, refusalOfPurpose } from '@tessera/token/core';
import type { KeyUse } from '../../tenancy/tenant.ts';
import {
  fitsAlgorithm,
  isSubjectTokenAlgorithm,
  parseSubjectTokenAlgorithm,
  type SubjectTokenAlgorithm,
} from '../subject-token-algorithm.ts';

/** A public key of a trusted issuer. Many issuers omit `alg`, so the key's type determines the algorithms it may verify. */
export interface ProviderKey {
  readonly kid: string | undefined;
  readonly algorithm: SubjectTokenAlgorithm | undefined;
  readonly publicKey: KeyObject;
}

export interface ProviderKeySet {
  readonly keys: readonly ProviderKey[];
  /** In the order of the set. */
  readonly skipped: readonly SkippedKey[];
}

export interface SkippedKey {
  readonly kid: string | undefined;
  /** A fixed phrase. */
  readonly reason: string;
  /** Whether it is for something else than signatures. Such keys are common, so they are no reason for a log line. */
  readonly isForOtherPurpose: boolean;
}

export type ParsedProviderKeySet =
  | { readonly set: ProviderKeySet; readonly refusal?: undefined }
  /** The whole set is refused; the reason is a fixed phrase. */
  | { readonly set?: undefined; readonly refusal: string };

const MAX_KEYS = 100;
const JWT_SVID: KeyUse = 'jwt-svid';

/**
 * Parses the JWK Set (RFC 7517, section 5) of a trusted issuer. The whole set is refused if it shows that its owner has lost control, as with a
 * private key. A single unsuitable key is skipped.
 *
 * @param keyUse a `use` that its keys may state instead of `sig`
 */
export function parseProviderKeySet(value: unknown, keyUse: KeyUse | undefined): ParsedProviderKeySet {
  if (typeof value !== 'object' || value === null || !('keys' in value) || !Array.isArray(value.keys))
    return { refusal: 'the answer is not a key set' };
  const jwks: readonly unknown[] = value.keys;
  if (jwks.length > MAX_KEYS) return { refusal: 'the key set has over 100 keys' };
  if (jwks.some((jwk) => isObject(jwk) && holdsPrivateKey(jwk))) return { refusal: 'the key set holds a private key' };
  const keys: ProviderKey[] = [];
  const skipped: SkippedKey[] = [];
  for (const value of jwks) {
    const jwk = isObject(value) ? value : {};
    const kid = typeof jwk['kid'] === 'string' ? jwk['kid'] : undefined;
    const otherPurpose = isObject(value) ? refusalOfUse(jwk, keyUse) : 'it is not an object';
    if (otherPurpose !== undefined) {
      skipped.push({ kid, reason: otherPurpose, isForOtherPurpose: true });
      continue;
    }
    const { key, reason } = importProviderKey(jwk);
    if (key === undefined) skipped.push({ kid, reason, isForOtherPurpose: false });
    else keys.push(key);
  }
  return { set: { keys, skipped } };
}

/** The keys that can verify tokens of an issuer that is trusted with these algorithms. */
export function keysForAlgorithms(
  { keys }: Pick<ProviderKeySet, 'keys'>,
  algorithms: readonly string[],
): readonly ProviderKey[] {
  const known = algorithms.filter(isSubjectTokenAlgorithm);
  return keys.filter(({ algorithm, publicKey }) =>
    known.some((one) => (algorithm ?? one) === one && fitsAlgorithm(one, publicKey)),
  );
}

/** Why a key is not for verifying signatures. `use: sig`, or none, always is. */
function refusalOfUse(jwk: Readonly<Record<string, unknown>>, keyUse: KeyUse | undefined): string | undefined {
  if (jwk['use'] !== JWT_SVID) return refusalOfPurpose(jwk);
  if (keyUse !== JWT_SVID) return 'use is jwt-svid: write "key_use: jwt-svid" for this issuer if it is a SPIFFE bundle';
  // The rest of the check is the same.
  return refusalOfPurpose({ ...jwk, use: undefined });
}

/**
 * Finds the key that may have signed with this algorithm and kid.
 *
 * @returns undefined if there is none, and if there are two, because then the kid is ambiguous
 */
export function findProviderKey(
  set: ProviderKeySet,
  algorithm: SubjectTokenAlgorithm,
  kid: string | undefined,
): ProviderKey | undefined {
  const fitting = set.keys.filter(
    (key) =>
      (kid === undefined || key.kid === kid) &&
      (key.algorithm === undefined || key.algorithm === algorithm) &&
      fitsAlgorithm(algorithm, key.publicKey),
  );
  return fitting.length === 1 ? fitting[0] : undefined;
}

type ImportedProviderKey =
  { readonly key: ProviderKey; readonly reason?: undefined } | { readonly key?: undefined; readonly reason: string };

function importProviderKey(jwk: Readonly<Record<string, unknown>>): ImportedProviderKey {
  const { kid, alg } = jwk;
  if (kid !== undefined && typeof kid !== 'string') return { reason: 'kid is not a text' };
  const algorithm = parseSubjectTokenAlgorithm(alg);
  if (alg !== undefined && algorithm === undefined) return { reason: 'alg is unknown' };
  const { publicKey, reason } = importKeyMaterial(jwk);
  if (publicKey === undefined) return { reason };
  if (algorithm !== undefined && !fitsAlgorithm(algorithm, publicKey)) return { reason: 'alg does not fit the key' };
  return { key: Object.freeze({ kid, algorithm, publicKey }) };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
