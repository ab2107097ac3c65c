import fc from 'fast-check';
import { Secret } from '../config/secret.ts';
import {
  type KeyRing,
  type KeyState,
  MAX_KEYS,
  MAX_TOKEN_LIFE_SECONDS,
  MIN_LEAD_SECONDS,
  nextPublicationChange,
  publishedKeys,
  RETENTION_SECONDS,
  type RingKey,
  signingKey,
  stateOf,
  verificationKeys,
} from './key-ring.ts';
import { activate, firstRing, retire, revoke, rotate, settle, type Transition } from './key-ring.transitions.ts';
import type { NewSigningKey } from './new-signing-key.ts';

const T = 1_800_000_000;
const AS_PLANNED = { dangerouslyBeforeVerifiersKnowIt: false };
const AT_ONCE = { dangerouslyBeforeVerifiersKnowIt: true };

function newKey(kid: string): NewSigningKey {
  const publicJwk = { kty: 'OKP', crv: 'Ed25519', x: kid } as const;
  return { kid, alg: 'EdDSA', publicJwk, privateJwk: new Secret(`private ${kid}`) };
}

function ok(transition: Transition): KeyRing {
  if ('refusal' in transition) throw new Error(`refused: ${transition.refusal}`);
  return transition.ring;
}

function refusal(transition: Transition): string {
  if (!('refusal' in transition)) throw new Error('not refused');
  return transition.refusal;
}

function key(ring: KeyRing, kid: string): RingKey {
  const found = ring.keys.find((one) => one.kid === kid);
  if (found === undefined) throw new Error(`no key ${kid}`);
  return found;
}

const kids = (keys: readonly RingKey[]) => keys.map((one) => one.kid);
const first = firstRing(newKey('k1'), T);
const rotated = ok(rotate(first, newKey('k2'), T));
const handOver = T + MIN_LEAD_SECONDS;
const k1Dead = handOver + RETENTION_SECONDS;

describe('a key’s states over time', () => {
  const rows: [
    at: string,
    now: number,
    k1: KeyState,
    k2: KeyState,
    signs: string,
    shown: string[],
    verifies: string[],
  ][] = [
    ['before the rotation (the clock went back)', T - 86_400, 'active', 'next', 'k1', ['k1', 'k2'], ['k1']],
    ['at the rotation', T, 'active', 'next', 'k1', ['k1', 'k2'], ['k1']],
    ['a second before the hand-over', handOver - 1, 'active', 'next', 'k1', ['k1', 'k2'], ['k1', 'k2']],
    ['at the hand-over', handOver, 'retired', 'active', 'k2', ['k1', 'k2'], ['k1', 'k2']],
    ['while tokens of the old key are valid', k1Dead - 1, 'retired', 'active', 'k2', ['k1', 'k2'], ['k1', 'k2']],
    ['when they have expired', k1Dead, 'retired', 'active', 'k2', ['k2'], ['k2']],
    ['years later', T + 1e9, 'retired', 'active', 'k2', ['k2'], ['k2']],
  ];
  it.each(rows)('%s', (_at, now, k1, k2, signs, shown, verifies) => {
    expect(stateOf(key(rotated, 'k1'), now)).toBe(k1);
    expect(stateOf(key(rotated, 'k2'), now)).toBe(k2);
    expect(signingKey(rotated, now)?.kid).toBe(signs);
    expect(kids(publishedKeys(rotated, now))).toEqual(shown);
    expect(kids(verificationKeys(rotated, now))).toEqual(verifies);
  });

  it('knows when the public set changes by itself', () => {
    expect(nextPublicationChange(first, T)).toBeUndefined();
    expect(nextPublicationChange(rotated, T)).toBe(k1Dead);
    expect(nextPublicationChange(rotated, k1Dead)).toBeUndefined();
  });

  it('does not revert a written state when the clock goes back', () => {
    const written = settle(rotated, handOver);
    expect(stateOf(key(written, 'k1'), T)).toBe('retired');
    expect(signingKey(written, T)?.kid).toBe('k2');
  });

  it('never activates by itself a next key without an activation time', () => {
    const placed: KeyRing = { keys: [...first.keys, { ...key(rotated, 'k2'), activatedAt: undefined }] };
    expect(stateOf(key(placed, 'k2'), T + 1e9)).toBe('next');
  });
});

describe('settle', () => {
  it('removes the private half of a retired key, and the key when its last token has expired', () => {
    expect(key(settle(rotated, handOver - 1), 'k1').privateJwk).toBeDefined();
    expect(key(settle(rotated, handOver), 'k1').privateJwk).toBeUndefined();
    expect(key(settle(rotated, k1Dead - 1), 'k1')).toMatchObject({ state: 'retired', retireAt: handOver });
    expect(kids(settle(rotated, k1Dead).keys)).toEqual(['k2']);
  });
});

describe('firstRing', () => {
  it('signs at once: no verifier can have an older set', () => {
    expect(signingKey(first, T)?.kid).toBe('k1');
  });
});

describe('rotate', () => {
  it('publishes the new key now and lets it sign after the lead time', () => {
    const ring = ok(rotate(first, newKey('k2'), T, MIN_LEAD_SECONDS + 60));
    expect(key(ring, 'k2')).toMatchObject({ state: 'next', publishedAt: T, activatedAt: handOver + 60 });
    expect(key(ring, 'k1')).toMatchObject({ state: 'active', retireAt: handOver + 60 });
    expect(signingKey(ring, handOver + 59)?.kid).toBe('k1');
    expect(signingKey(ring, handOver + 60)?.kid).toBe('k2');
  });

  it('is possible again when the new key signs', () => {
    const again = ok(rotate(rotated, newKey('k3'), handOver));
    expect(again.keys.map((one) => one.state)).toEqual(['retired', 'active', 'next']);
  });

  it('is refused while there is a next key', () => {
    expect(refusal(rotate(rotated, newKey('k3'), handOver - 1))).toMatch(/^Key k2 waits .*at 2027-.*keys revoke`\.$/);
  });

  it.each([0, -1, 1.5, Number.NaN, MIN_LEAD_SECONDS - 1])('is refused with a lead of %p seconds', (lead) => {
    expect(refusal(rotate(first, newKey('k2'), T, lead))).toMatch(/choose a lead time of at least 900 seconds\.$/);
  });

  it('is refused with a lead of more than a year, and not with one of a year', () => {
    const year = 366 * 24 * 60 * 60;
    expect(refusal(rotate(firstRing(newKey('a'), T), newKey('b'), T, year + 1))).toMatch(/at most 366 days/);
    expect(key(ok(rotate(firstRing(newKey('a'), T), newKey('b'), T, year)), 'b').activatedAt).toBe(T + year);
  });

  it('is refused when the ring is full of revoked keys, and allowed when the first are removed', () => {
    let ring = firstRing(newKey('a'), T);
    for (let count = 1; count < MAX_KEYS; count += 1)
      ring = ok(revoke(ok(rotate(ring, newKey(`k${count}`), T)), `k${count}`, T));
    expect(refusal(rotate(ring, newKey('z'), T))).toMatch(/revoked ones included/);
    expect(ok(rotate(ring, newKey('z'), T + RETENTION_SECONDS)).keys).toHaveLength(2);
  });

  it('is refused with a key that is in the ring already', () => {
    expect(refusal(rotate(first, newKey('k1'), T))).toMatch(/^Key k1 is in the ring already/);
  });

  it('is refused when the public set would be larger than verifiers accept', () => {
    let ring = first;
    for (let index = 0; index < 49; index += 1)
      ring = ok(activate(ok(rotate(ring, newKey(`n${index}`), T)), `n${index}`, T, AT_ONCE));
    expect(publishedKeys(ring, T)).toHaveLength(50);
    expect(refusal(rotate(ring, newKey('one more'), T))).toMatch(/wait until the oldest/);
    expect('ring' in rotate(ring, newKey('one more'), T + RETENTION_SECONDS)).toBe(true);
  });
});

describe('activate', () => {
  const longLead = ok(rotate(first, newKey('k2'), T, 10 * MIN_LEAD_SECONDS));

  it('activates a key that has been public for the minimum lead time', () => {
    const ring = ok(activate(longLead, 'k2', handOver, AS_PLANNED));
    expect(ring.keys).toMatchObject([
      { kid: 'k1', state: 'retired', privateJwk: undefined, retireAt: handOver },
      { kid: 'k2', state: 'active', activatedAt: handOver, retireAt: undefined },
    ]);
  });

  it.each([T - 86_400, T, handOver - 1])('is refused before that, at %p', (now) => {
    expect(refusal(activate(longLead, 'k2', now, AS_PLANNED))).toMatch(/wait until 2027-.*Z\.$/);
  });

  it('is possible before that with the dangerous option', () => {
    expect(signingKey(ok(activate(longLead, 'k2', T + 1, AT_ONCE)), T + 1)?.kid).toBe('k2');
  });

  it('is refused for a key that is active, retired, revoked or unknown', () => {
    expect(refusal(activate(first, 'k1', T, AT_ONCE))).toMatch(/^Key k1 is active already/);
    expect(refusal(activate(rotated, 'k2', handOver, AT_ONCE))).toMatch(/^Key k2 is active already/);
    expect(refusal(activate(rotated, 'k1', handOver, AT_ONCE))).toMatch(
      /^Key k1 is retired and never signs again: .*rotate`\.$/,
    );
    expect(refusal(activate(ok(revoke(rotated, 'k2', T)), 'k2', T, AT_ONCE))).toMatch(/^Key k2 is revoked/);
    expect(refusal(activate(first, 'k9', T, AT_ONCE))).toMatch(/no key "k9".*keys list`\.$/);
  });
});

describe('retire', () => {
  const longLead = ok(rotate(first, newKey('k2'), T, 10 * MIN_LEAD_SECONDS));

  it('activates the next key if that one has been public for long enough', () => {
    const ring = ok(retire(longLead, 'k1', handOver));
    expect(signingKey(ring, handOver)?.kid).toBe('k2');
    expect(key(ring, 'k1')).toMatchObject({ state: 'retired', privateJwk: undefined });
  });

  it('is refused before that', () => {
    expect(refusal(retire(longLead, 'k1', handOver - 1))).toMatch(/^Key k2 has not been public.*wait until/);
  });

  it('removes the private half of a key that retired by time, once', () => {
    const ring = ok(retire(rotated, 'k1', handOver));
    expect(key(ring, 'k1').privateJwk).toBeUndefined();
    expect(refusal(retire(ring, 'k1', handOver))).toMatch(/^Key k1 is retired already/);
  });

  it('is refused for the only key, a next key, a revoked key and an unknown one', () => {
    expect(refusal(retire(first, 'k1', T))).toMatch(
      /there is no next key: add one with `tessera keys rotate` first\.$/,
    );
    expect(refusal(retire(rotated, 'k2', T))).toMatch(/^Key k2 has never signed: withdraw it/);
    expect(refusal(retire(ok(revoke(rotated, 'k2', T)), 'k2', T))).toMatch(/^Key k2 is revoked already/);
    expect(refusal(retire(first, 'k9', T))).toMatch(/no key "k9"/);
  });
});

describe('revoke', () => {
  it('removes a retired key from the set at once', () => {
    const ring = ok(revoke(rotated, 'k1', handOver));
    expect(key(ring, 'k1')).toMatchObject({ state: 'revoked', privateJwk: undefined, retireAt: handOver });
    expect(kids(publishedKeys(ring, handOver))).toEqual(['k2']);
    expect(kids(verificationKeys(ring, handOver))).toEqual(['k2']);
    expect(kids(publishedKeys(ring, T - 86_400))).toEqual(['k2']);
  });

  it('withdraws a next key, and the active key stays active without an end', () => {
    const ring = ok(revoke(rotated, 'k2', T + 1));
    expect(key(ring, 'k1').retireAt).toBeUndefined();
    expect(signingKey(ring, T + 1e9)?.kid).toBe('k1');
    expect(kids(publishedKeys(ring, T + 1))).toEqual(['k1']);
    expect('ring' in rotate(ring, newKey('k3'), T + 1)).toBe(true);
  });

  it('is refused for the key that signs, for one revoked before, and for an unknown one', () => {
    expect(refusal(revoke(rotated, 'k1', T))).toMatch(/^Key k1 is the signing key: .*activate` first\.$/);
    expect(refusal(revoke(rotated, 'k2', handOver))).toMatch(/^Key k2 is the signing key/);
    expect(refusal(revoke(ok(revoke(rotated, 'k1', handOver)), 'k1', handOver))).toMatch(/^Key k1 is revoked already/);
    expect(refusal(revoke(first, 'k9', T))).toMatch(/no key "k9"/);
  });
});

describe('any history of a key ring', () => {
  // What src/keys/key-ring.ts allows a server to lag behind.
  const SERVER_LAG = 299;

  type Step = {
    readonly do: 'rotate' | 'activate' | 'rush' | 'retire' | 'revoke' | 'wait';
    readonly key: number;
    readonly seconds: number;
  };
  const WHAT = ['rotate', 'rotate', 'activate', 'retire', 'revoke', 'wait'] as const;
  const forward = fc.integer({ min: 0, max: 3 * MIN_LEAD_SECONDS });
  const leap = fc.integer({ min: 0, max: 2 * RETENTION_SECONDS });
  const backAndForth = fc.integer({ min: -2 * RETENTION_SECONDS, max: 2 * RETENTION_SECONDS });
  const steps = (seconds: fc.Arbitrary<number>, what: readonly Step['do'][]) =>
    fc.array(fc.record({ do: fc.constantFrom(...what), key: fc.nat(6), seconds }), { maxLength: 40 });

  function apply(ring: KeyRing, step: Step, now: number, serial: number): KeyRing {
    const kid = ring.keys[step.key % ring.keys.length]!.kid;
    const transitions: Record<Step['do'], () => Transition> = {
      rotate: () => rotate(ring, newKey(`s${serial}`), now, MIN_LEAD_SECONDS * (1 + step.key)),
      activate: () => activate(ring, kid, now, AS_PLANNED),
      rush: () => activate(ring, kid, now, AT_ONCE),
      retire: () => retire(ring, kid, now),
      revoke: () => revoke(ring, kid, now),
      wait: () => ({ ring }),
    };
    const result = transitions[step.do]();
    return 'ring' in result ? result.ring : ring;
  }

  it('has a signing key that is public and has its private half, however the clock jumps', () => {
    fc.assert(
      fc.property(steps(backAndForth, [...WHAT, 'rush']), (history) => {
        let ring = first;
        let now = T;
        history.forEach((step, index) => {
          now += step.seconds;
          ring = apply(ring, step, now, index);
          for (const instant of [now, now - RETENTION_SECONDS, now + RETENTION_SECONDS, 0, 2 * T]) {
            const signing = signingKey(ring, instant);
            expect(signing?.privateJwk).toBeDefined();
            expect(publishedKeys(ring, instant)).toContain(signing);
            expect(verificationKeys(ring, instant)).toContain(signing);
          }
          expect(ring.keys.filter((one) => one.state === 'next').length).toBeLessThanOrEqual(1);
          for (const one of ring.keys)
            if (one.state === 'retired' || one.state === 'revoked') expect(one.privateJwk).toBeUndefined();
        });
      }),
      { numRuns: 200 },
    );
  });

  it('signs only with keys that were public for the whole lead time, and publishes them until their last token has expired', () => {
    fc.assert(
      fc.property(steps(fc.oneof(forward, leap), WHAT), (history) => {
        const past: { from: number; ring: KeyRing }[] = [{ from: T, ring: first }];
        let now = T;
        history.forEach((step, index) => {
          now += step.seconds;
          past.push({ from: now, ring: apply(past.at(-1)!.ring, step, now, index) });
        });
        const ringAt = (instant: number) => past.findLast(({ from }) => from <= instant)?.ring;
        const revoked = new Set(
          past.flatMap(({ ring }) => ring.keys.filter((one) => one.state === 'revoked')).map((one) => one.kid),
        );
        // Keys change state between writes too, so check both sides of each change, not only the writes.
        const turns = past.flatMap(({ from, ring }) => [from, ...ring.keys.flatMap((one) => one.activatedAt ?? [])]);
        // A server may sign with a ring that was replaced a while ago.
        const signatures = turns.flatMap((turn) =>
          [0, SERVER_LAG].flatMap((lag) => [-1, 0, lag - 1].map((after) => ({ signedAt: turn + after, lag }))),
        );
        for (const { signedAt, lag } of signatures.filter((one) => one.signedAt - one.lag >= T)) {
          const copied = signedAt - lag;
          const signing = signingKey(ringAt(copied)!, signedAt)!;
          const seenFrom = signing.kid === 'k1' ? copied : signedAt - MIN_LEAD_SECONDS;
          const aliveUntil = signedAt + MAX_TOKEN_LIFE_SECONDS;
          for (const at of [seenFrom, ...past.map(({ from }) => from), aliveUntil - 1]) {
            if (at < seenFrom || at >= aliveUntil) continue;
            if (at > copied && revoked.has(signing.kid)) continue;
            const shown = publishedKeys(ringAt(at)!, at).some(({ kid }) => kid === signing.kid);
            if (!shown) throw new Error(`${signing.kid} signed at ${signedAt} and is not public at ${at}`);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});
