import type { Secret } from '../config/secret.ts';
import type { SigningAlgorithm } from '../tenancy/tenant.ts';
import type { PublicJwk } from './signing-algorithm.ts';
import { CLOCK_SKEW_SECONDS } from '../domain/clock.ts';

/**
 * next: public, does not sign yet. active: signs. retired: no longer signs, public until its last token has expired. revoked: no longer public, so
 * all its tokens are rejected.
 */
export type KeyState = 'next' | 'active' | 'retired' | 'revoked';

/** One key of a tenant. Times are epoch seconds. */
export interface RingKey {
  /** RFC 7638 thumbprint of the public half. */
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  /** The state at the last write. `stateOf(key, now)` gives the present state. */
  readonly state: KeyState;
  readonly publicJwk: PublicJwk;
  /** The private JWK as JSON. Only a key that is next or active has one. */
  readonly privateJwk: Secret | undefined;
  readonly publishedAt: number;
  /** When a next key will become active by itself, or when an active key became active. */
  readonly activatedAt: number | undefined;
  /** When an active key will retire, or when a retired or revoked key stopped signing. */
  readonly retireAt: number | undefined;
}

/** A tenant's signing keys, oldest first. Immutable; see key-ring.transitions.ts for how one ring becomes the next. */
export interface KeyRing {
  readonly keys: readonly RingKey[];
}

/** A key ring as stored in Vault. */
export interface StoredKeyRing {
  readonly ring: KeyRing;
  /** The version of the Vault entry. */
  readonly version: number;
}

/** Keys of one ring, retired and revoked ones included. Verifiers reject larger sets. */
export const MAX_KEYS = 100;

/** The maximum lifetime of a token (the tenants file refuses more), and so the time that a retired key must stay public. */
export const MAX_TOKEN_LIFE_SECONDS = 24 * 60 * 60;

/** `max-age` of a published key set. */
export const KEY_SET_MAX_AGE_SECONDS = 300;

// How long a server may still use a ring after it was changed, including clock differences.
const SERVER_LAG_SECONDS = 300;

// A verifier may cache a set for as long as the HTTP cache before it did (@tessera/client: 300 s by default).
const VERIFIER_LAG_SECONDS = KEY_SET_MAX_AGE_SECONDS;

/** The minimum time that a key is public before it signs: by then every verifier has it. */
export const MIN_LEAD_SECONDS = KEY_SET_MAX_AGE_SECONDS + VERIFIER_LAG_SECONDS + SERVER_LAG_SECONDS;

/** How long a retired key stays public: the lifetime of the last token that a server with an outdated ring may have signed with it. */
export const RETENTION_SECONDS = MAX_TOKEN_LIFE_SECONDS + SERVER_LAG_SECONDS;

/**
 * The state at `now`, as a pure function: no process has to act for a key to change its state, so nothing can be late or interrupted. A written state
 * never reverts, even if the clock goes back.
 */
export function stateOf(key: RingKey, now: number): KeyState {
  if (key.state === 'revoked' || key.state === 'retired') return key.state;
  if (key.retireAt !== undefined && key.retireAt <= now) return 'retired';
  if (key.state === 'active') return 'active';
  return key.activatedAt !== undefined && key.activatedAt <= now ? 'active' : 'next';
}

/** The key that signs at `now`: the one that became active last. */
export function signingKey(ring: KeyRing, now: number): RingKey | undefined {
  let newest: RingKey | undefined;
  for (const key of ring.keys) {
    if (stateOf(key, now) !== 'active') continue;
    if (newest === undefined || (key.activatedAt ?? 0) >= (newest.activatedAt ?? 0)) newest = key;
  }
  return newest;
}

/** The keys in the tenant's JWKS at `now`. Includes every key that signs or will sign, whatever the clock does. */
export function publishedKeys(ring: KeyRing, now: number): RingKey[] {
  return ring.keys.filter((key) => {
    const state = stateOf(key, now);
    return state === 'next' || state === 'active' || (state === 'retired' && now < endOfRetention(key));
  });
}

/**
 * The keys that may have signed a token that is valid at `now`, for the service's own guards. A next key has signed nothing, unless another replica's
 * clock is ahead of ours.
 */
export function verificationKeys(ring: KeyRing, now: number): RingKey[] {
  return publishedKeys(ring, now).filter((key) => stateOf(key, now + CLOCK_SKEW_SECONDS) !== 'next');
}

/** When the set of published keys next changes without a write; undefined if it does not. */
export function nextPublicationChange(ring: KeyRing, now: number): number | undefined {
  const ends = ring.keys
    .filter((key) => key.state !== 'revoked' && key.retireAt !== undefined)
    .map(endOfRetention)
    .filter((end) => end > now);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

/** When the last token of a retired key has expired. */
export function endOfRetention(key: RingKey): number {
  return (key.retireAt ?? key.publishedAt) + RETENTION_SECONDS;
}
