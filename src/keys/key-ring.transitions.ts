import {
  endOfRetention,
  type KeyRing,
  MAX_KEYS,
  MIN_LEAD_SECONDS,
  publishedKeys,
  type RingKey,
  signingKey,
  stateOf,
} from './key-ring.ts';
import type { NewSigningKey } from './new-signing-key.ts';

/** The next ring, or a message for the operator that ends with the fix. A refusal changes nothing. */
export type Transition = { readonly ring: KeyRing } | { readonly refusal: string };

// Verifiers reject a whole set of more than 100 keys; stay far below.
const MAX_PUBLISHED_KEYS = 50;

// Nobody plans a rotation further ahead, and times after the year 9999 cannot be stored.
const MAX_LEAD_SECONDS = 366 * 24 * 60 * 60;

/** Makes the first ring of a tenant. Its key signs at once, because no verifier can have cached an older set. */
export function firstRing(key: NewSigningKey, now: number): KeyRing {
  return { keys: [{ ...key, state: 'active', publishedAt: now, activatedAt: now, retireAt: undefined }] };
}

/** Why a rotation would be refused, whatever the key; undefined if it would not. */
export function refusalOfRotation(ring: KeyRing, now: number, leadSeconds = MIN_LEAD_SECONDS): string | undefined {
  const settled = settle(ring, now);
  const waiting = settled.keys.find((other) => other.state === 'next');
  if (waiting !== undefined)
    return `Key ${waiting.kid} waits to become active already (${when(waiting)}): wait for it, or withdraw it with \`tessera keys revoke\`.`;
  if (!Number.isSafeInteger(leadSeconds) || leadSeconds < MIN_LEAD_SECONDS)
    return `Verifiers may not know a new key for ${MIN_LEAD_SECONDS} seconds: choose a lead time of at least ${MIN_LEAD_SECONDS} seconds.`;
  if (leadSeconds > MAX_LEAD_SECONDS)
    return 'A key that signs in more than a year is of no use now: choose a lead time of at most 366 days.';
  if (settled.keys.length >= MAX_KEYS)
    return `The ring holds ${MAX_KEYS} keys, revoked ones included, and accepts no more: wait until the oldest is removed, a day after it was retired or revoked.`;
  if (publishedKeys(settled, now).length >= MAX_PUBLISHED_KEYS)
    return `${MAX_PUBLISHED_KEYS} keys are public, and verifiers reject larger sets: wait until the oldest of them has left the set.`;
  return undefined;
}

/** Adds a key that is public from now on and signs after `leadSeconds`, when the present signing key retires. Needs no second step. */
export function rotate(ring: KeyRing, key: NewSigningKey, now: number, leadSeconds = MIN_LEAD_SECONDS): Transition {
  const settled = settle(ring, now);
  const refusal = refusalOfRotation(ring, now, leadSeconds);
  if (refusal !== undefined) return refuse(refusal);
  if (settled.keys.some((other) => other.kid === key.kid))
    return refuse(`Key ${key.kid} is in the ring already: rotate again to make another.`);
  const activatedAt = now + leadSeconds;
  const next: RingKey = { ...key, state: 'next', publishedAt: now, activatedAt, retireAt: undefined };
  return { ring: { keys: [...retireActive(settled, activatedAt), next] } };
}

export interface ActivateOptions {
  /**
   * Only after a key was compromised: sign with a key that has not been public for long enough. Services that cached the key set reject its tokens
   * until they fetch it again.
   */
  readonly dangerouslyBeforeVerifiersKnowIt: boolean;
}

/** Makes a next key the signing key now; the key that signed until now retires. */
export function activate(ring: KeyRing, kid: string, now: number, options: ActivateOptions): Transition {
  const settled = settle(ring, now);
  const key = settled.keys.find((other) => other.kid === kid);
  if (key === undefined) return unknownKey(kid);
  if (key.state === 'active') return refuse(`Key ${kid} is active already: there is nothing to do.`);
  if (key.state !== 'next')
    return refuse(`Key ${kid} is ${key.state} and never signs again: add a new key with \`tessera keys rotate\`.`);
  const known = key.publishedAt + MIN_LEAD_SECONDS;
  if (now < known && !options.dangerouslyBeforeVerifiersKnowIt)
    return refuse(
      `Key ${kid} has not been public for long enough for every verifier to know it: wait until ${instant(known)}.`,
    );
  return { ring: settle({ keys: handOver(settled, kid, now) }, now) };
}

/** Stops a key from signing. Its tokens stay valid. The next key takes over, so it must have been public for long enough. */
export function retire(ring: KeyRing, kid: string, now: number): Transition {
  const settled = settle(ring, now);
  const key = settled.keys.find((other) => other.kid === kid);
  if (key === undefined) return unknownKey(kid);
  if (key.state === 'next')
    return refuse(`Key ${kid} has never signed: withdraw it with \`tessera keys revoke\`, or wait until it is active.`);
  if (key.state !== 'active') {
    // The key has retired by time already. This write removes its private half.
    if (ring.keys.some((other) => other.kid === kid && other.privateJwk !== undefined)) return { ring: settled };
    return refuse(`Key ${kid} is ${key.state} already: there is nothing to do.`);
  }
  const successor = settled.keys.find((other) => other.state === 'next');
  if (successor === undefined)
    return refuse(
      `Key ${kid} is the signing key, and there is no next key: add one with \`tessera keys rotate\` first.`,
    );
  return activate(settled, successor.kid, now, { dangerouslyBeforeVerifiersKnowIt: false });
}

/** Removes a key from the public set at once: verifiers reject all its tokens when they fetch the set again. */
export function revoke(ring: KeyRing, kid: string, now: number): Transition {
  const settled = settle(ring, now);
  const key = settled.keys.find((other) => other.kid === kid);
  if (key === undefined) return unknownKey(kid);
  if (key.state === 'revoked') return refuse(`Key ${kid} is revoked already: there is nothing to do.`);
  if (signingKey(settled, now)?.kid === kid)
    return refuse(
      `Key ${kid} is the signing key: make another one active with \`tessera keys rotate\` and \`tessera keys activate\` first.`,
    );
  const keys = settled.keys.map((other): RingKey => {
    if (other.kid === kid) return { ...other, state: 'revoked', privateJwk: undefined, retireAt: now };
    // Without its successor, the active key never retires.
    return key.state === 'next' && other.state === 'active' ? { ...other, retireAt: undefined } : other;
  });
  return { ring: { keys } };
}

/**
 * The ring's stored form at `now`: states are updated, private halves of retired and revoked keys are removed, and keys whose last token has expired
 * are dropped. Every transition starts here, so every write cleans up.
 */
export function settle(ring: KeyRing, now: number): KeyRing {
  const keys: RingKey[] = [];
  for (const key of ring.keys) {
    const state = stateOf(key, now);
    if (state === 'next' || state === 'active') keys.push({ ...key, state });
    else if (now < endOfRetention(key)) keys.push({ ...key, state, privateJwk: undefined });
  }
  return { keys };
}

function retireActive(ring: KeyRing, retireAt: number): RingKey[] {
  return ring.keys.map((key) => (key.state === 'active' ? { ...key, retireAt } : key));
}

function handOver(ring: KeyRing, kid: string, now: number): RingKey[] {
  return retireActive(ring, now).map((key) => (key.kid === kid ? { ...key, state: 'active', activatedAt: now } : key));
}

function unknownKey(kid: string): Transition {
  return refuse(`The ring has no key ${JSON.stringify(kid.slice(0, 100))}: list its keys with \`tessera keys list\`.`);
}

function refuse(refusal: string): Transition {
  return { refusal };
}

function when(key: RingKey): string {
  return key.activatedAt === undefined ? 'not by itself' : `at ${instant(key.activatedAt)}`;
}

function instant(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toISOString();
}
