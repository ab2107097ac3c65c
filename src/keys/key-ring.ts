import type { Secret } from '../config/secret.ts';
import type { SigningAlgorithm } from '../tenancy/tenant.ts';
import type { PublicJwk } from './signing-algorithm.ts';
import { CLOCK_SKEW_SECONDS } from '../domain/clock.ts';

/**
 * next: public, does not sign yet. active: signs. retired: signs no more, public until its last token is dead.
 * revoked: not public any more, so that all its tokens are refused.
 */
export type KeyState = 'next' | 'active' | 'retired' | 'revoked';

/** One key of a tenant. Times are epoch seconds. */
export interface RingKey {
  /** RFC 7638 thumbprint of the public half. */
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  /** As of the last write. What holds now is `stateOf(key, now)`. */
  readonly state: KeyState;
  readonly publicJwk: PublicJwk;
  /** The private JWK as JSON. Only a key that is next or active has one. */
  readonly privateJwk: Secret | undefined;
  readonly publishedAt: number;
  /** When a next key becomes active by itself, or an active one did. */
  readonly activatedAt: number | undefined;
  /** When an active key hands over to its successor; when a retired or revoked one ended. */
  readonly retireAt: number | undefined;
}

/** A tenant's signing keys, oldest first. Immutable; see key-ring.transitions.ts for how one ring becomes the next. */
export interface KeyRing {
  readonly keys: readonly RingKey[];
}

/** A key ring as Vault has it. */
export interface StoredKeyRing {
  readonly ring: KeyRing;
  /** The version of the Vault entry. */
  readonly version: number;
}

/** Keys of one ring, ended ones included. Verifiers refuse larger sets. */
export const MAX_KEYS = 100;

/** No token lives longer (the tenants file refuses more); the time that a retired key has to stay public. */
export const MAX_TOKEN_LIFE_SECONDS = 24 * 60 * 60;

/** `max-age` of a published key set. */
export const KEY_SET_MAX_AGE_SECONDS = 300;

// How long a server of this service may still act on a ring that was changed meanwhile, with room for clocks that differ.
const SERVER_LAG_SECONDS = 300;

// A verifier may hold a set for as long again as the HTTP cache before it did (@tessera/client: 300 s by default).
const VERIFIER_LAG_SECONDS = KEY_SET_MAX_AGE_SECONDS;

/** The shortest time that a key is public before it signs: by then every verifier has seen it. */
export const MIN_LEAD_SECONDS = KEY_SET_MAX_AGE_SECONDS + VERIFIER_LAG_SECONDS + SERVER_LAG_SECONDS;

/** How long a retired key stays public: the life of the last token that a server which lagged behind may have signed with it. */
export const RETENTION_SECONDS = MAX_TOKEN_LIFE_SECONDS + SERVER_LAG_SECONDS;

/**
 * The state that holds at `now`, a pure function: no process has to wake up for a key to change its state, so nothing can be late or
 * killed half way. A state that was written never goes back, even when the clock does.
 */
export function stateOf(key: RingKey, now: number): KeyState {
  if (key.state === 'revoked' || key.state === 'retired') return key.state;
  if (key.retireAt !== undefined && key.retireAt <= now) return 'retired';
  if (key.state === 'active') return 'active';
  return key.activatedAt !== undefined && key.activatedAt <= now ? 'active' : 'next';
}

/** The one key that signs at `now`: the active key that became so last. */
export function signingKey(ring: KeyRing, now: number): RingKey | undefined {
  let newest: RingKey | undefined;
  for (const key of ring.keys) {
    if (stateOf(key, now) !== 'active') continue;
    if (newest === undefined || (key.activatedAt ?? 0) >= (newest.activatedAt ?? 0)) newest = key;
  }
  return newest;
}

/** What the tenant's JWKS shows at `now`. Every key that signs or will sign is among them, whatever the clock did. */
export function publishedKeys(ring: KeyRing, now: number): RingKey[] {
  return ring.keys.filter((key) => {
    const state = stateOf(key, now);
    return state === 'next' || state === 'active' || (state === 'retired' && now < endOfRetention(key));
  });
}

/**
 * The keys that may have signed a token that is alive at `now`: what the service's own guards accept. A next key has signed nothing,
 * unless another replica's clock is ahead of ours.
 */
export function verificationKeys(ring: KeyRing, now: number): RingKey[] {
  return publishedKeys(ring, now).filter((key) => stateOf(key, now + CLOCK_SKEW_SECONDS) !== 'next');
}

/** When the set of published keys changes next without a write; undefined: not by itself. */
export function nextPublicationChange(ring: KeyRing, now: number): number | undefined {
  const ends = ring.keys
    .filter((key) => key.state !== 'revoked' && key.retireAt !== undefined)
    .map(endOfRetention)
    .filter((end) => end > now);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

/** From this moment no token of a retired key can be alive. */
export function endOfRetention(key: RingKey): number {
  return (key.retireAt ?? key.publishedAt) + RETENTION_SECONDS;
}
