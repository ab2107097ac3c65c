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

/** The next ring, or a sentence for the operator that ends with the fix. A refusal changes nothing. */
export type Transition = { readonly ring: KeyRing } | { readonly refusal: string };

// Verifiers refuse a set of more than 100 keys as a whole: stay far below.
const MAX_PUBLISHED_KEYS = 50;

// Nobody plans a rotation further ahead, and an instant beyond the year 9999 cannot be written.
const MAX_LEAD_SECONDS = 366 * 24 * 60 * 60;

/** The first ring of a tenant. Its key signs at once: no verifier can have cached an older set. */
export function firstRing(key: NewSigningKey, now: number): KeyRing {
  return { keys: [{ ...key, state: 'active', publishedAt: now, activatedAt: now, retireAt: undefined }] };
}

/**
 * Adds a key that is public from now on and signs after `leadSeconds`, when the key that signs today retires. Nobody has to come back for
 * the second step.
 */
export function rotate(ring: KeyRing, key: NewSigningKey, now: number, leadSeconds = MIN_LEAD_SECONDS): Transition {
  const settled = settle(ring, now);
  const waiting = settled.keys.find((other) => other.state === 'next');
  if (waiting !== undefined)
    return refuse(
      `Key ${waiting.kid} waits to become active already (${when(waiting)}): wait for it, or withdraw it with \`tessera keys revoke\`.`,
    );
  if (settled.keys.some((other) => other.kid === key.kid))
    return refuse(`Key ${key.kid} is in the ring already: rotate again to make another.`);
  if (!Number.isSafeInteger(leadSeconds) || leadSeconds < MIN_LEAD_SECONDS)
    return refuse(
      `Verifiers may not know a new key for ${MIN_LEAD_SECONDS} seconds: choose a lead of at least ${MIN_LEAD_SECONDS} seconds.`,
    );
  if (leadSeconds > MAX_LEAD_SECONDS)
    return refuse('A key that signs in more than a year is of no use now: choose a lead of at most 366 days.');
  if (settled.keys.length >= MAX_KEYS)
    return refuse(
      `The ring holds ${MAX_KEYS} keys, revoked ones included, and takes no more: wait until the oldest is forgotten, a day after it ended.`,
    );
  if (publishedKeys(settled, now).length >= MAX_PUBLISHED_KEYS)
    return refuse(
      `${MAX_PUBLISHED_KEYS} keys are public, and verifiers refuse larger sets: wait until the oldest of them has left the set.`,
    );
  const activatedAt = now + leadSeconds;
  const next: RingKey = { ...key, state: 'next', publishedAt: now, activatedAt, retireAt: undefined };
  return { ring: { keys: [...retireActive(settled, activatedAt), next] } };
}

export interface ActivateOptions {
  /**
   * For a compromised key alone: sign with a key that has not been public for long enough. Services that cached the key set refuse its
   * tokens until they fetch it again.
   */
  readonly dangerouslyBeforeVerifiersKnowIt: boolean;
}

/** Makes a next key the one that signs, now; the key that signed until now retires. */
export function activate(ring: KeyRing, kid: string, now: number, options: ActivateOptions): Transition {
  const settled = settle(ring, now);
  const key = settled.keys.find((other) => other.kid === kid);
  if (key === undefined) return unknownKey(kid);
  if (key.state === 'active') return refuse(`Key ${kid} is active already: nothing is left to do.`);
  if (key.state !== 'next')
    return refuse(`Key ${kid} is ${key.state} and never signs again: add a new key with \`tessera keys rotate\`.`);
  const known = key.publishedAt + MIN_LEAD_SECONDS;
  if (now < known && !options.dangerouslyBeforeVerifiersKnowIt)
    return refuse(
      `Key ${kid} has not been public for long enough for every verifier to know it: wait until ${instant(known)}.`,
    );
  return { ring: settle({ keys: handOver(settled, kid, now) }, now) };
}

/** Stops a key from signing. Its tokens stay good; the next key takes over, so one must have been public for long enough. */
export function retire(ring: KeyRing, kid: string, now: number): Transition {
  const settled = settle(ring, now);
  const key = settled.keys.find((other) => other.kid === kid);
  if (key === undefined) return unknownKey(kid);
  if (key.state === 'next')
    return refuse(`Key ${kid} has never signed: withdraw it with \`tessera keys revoke\`, or wait until it is active.`);
  if (key.state !== 'active') {
    // Its time came by itself: the write that this causes takes its private half away.
    if (ring.keys.some((other) => other.kid === kid && other.privateJwk !== undefined)) return { ring: settled };
    return refuse(`Key ${kid} is ${key.state} already: nothing is left to do.`);
  }
  const successor = settled.keys.find((other) => other.state === 'next');
  if (successor === undefined)
    return refuse(
      `Key ${kid} is the one that signs, and no next key is there: add one with \`tessera keys rotate\` first.`,
    );
  return activate(settled, successor.kid, now, { dangerouslyBeforeVerifiersKnowIt: false });
}

/** Takes a key out of the public set at once: every token that it signed is refused by whoever reads the set again. */
export function revoke(ring: KeyRing, kid: string, now: number): Transition {
  const settled = settle(ring, now);
  const key = settled.keys.find((other) => other.kid === kid);
  if (key === undefined) return unknownKey(kid);
  if (key.state === 'revoked') return refuse(`Key ${kid} is revoked already: nothing is left to do.`);
  if (signingKey(settled, now)?.kid === kid)
    return refuse(
      `Key ${kid} is the one that signs: make another one active with \`tessera keys rotate\` and \`tessera keys activate\` first.`,
    );
  const keys = settled.keys.map((other): RingKey => {
    if (other.kid === kid) return { ...other, state: 'revoked', privateJwk: undefined, retireAt: now };
    // Without its successor, the active key has no end.
    return key.state === 'next' && other.state === 'active' ? { ...other, retireAt: undefined } : other;
  });
  return { ring: { keys } };
}

/**
 * The ring as it stands at `now`, in stored form: states moved on, private halves of ended keys gone, keys forgotten whose last token is
 * dead. Every transition starts here, so every write cleans up.
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
  return refuse(
    `The ring has no key ${JSON.stringify(kid.slice(0, 100))}: look at its keys with \`tessera keys list\`.`,
  );
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
