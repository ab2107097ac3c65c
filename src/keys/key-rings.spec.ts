import { eventually } from '../../libs/token/test/eventually.ts';
import {
  type IssuingFixture,
  type KeyDocument,
  openIssuingFixture,
  type RingDocument,
} from '../testing/issuing-fixture.ts';
import { refusalOf } from '../testing/refusal.ts';
import { tenantId } from '../testing/storage.ts';
import { Secret } from '../config/secret.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { keyRingPath } from '../vault/vault-path.ts';
import { formatKeyRing } from './key-ring.codec.ts';
import { type KeyRing, MIN_LEAD_SECONDS, RETENTION_SECONDS } from './key-ring.ts';
import { activate, revoke, rotate, type Transition } from './key-ring.transitions.ts';
import type { KeyRings } from './key-rings.ts';
import { newSigningKey, type NewSigningKey } from './new-signing-key.ts';

const ACME = tenantId('acme');
const GLOBEX = tenantId('globex');

let fixture: IssuingFixture;
let keyRings: KeyRings;
let acme: Tenant;
let firstKid: string;
let next: NewSigningKey;

beforeEach(async () => {
  fixture = await openIssuingFixture();
  keyRings = fixture.keyRings;
  acme = await fixture.addTenant('acme');
  firstKid = (await keyRings.signingKey(acme)).kid;
  next = await newSigningKey('ES256');
  fixture.vault.reads = 0;
});
afterEach(() => fixture.close());

const signingKid = async (tenant = acme) => (await keyRings.signingKey(tenant)).kid;
const publishedKids = async (id = ACME) =>
  (await keyRings.published(id)).publishedKeys(fixture.clock.seconds).map(({ kid }) => kid);
const alarms = () =>
  fixture.lines.filter((line) => line.includes('key_ring_unusable')).map((line): unknown => JSON.parse(line));

async function change(transition: (ring: KeyRing, now: number) => Transition): Promise<void> {
  const outcome = await fixture.store.update(ACME, (ring) => transition(ring, fixture.clock.seconds));
  if ('refusal' in outcome) throw new Error(outcome.refusal);
}

/** Edits the entry in Vault by hand. */
async function edit(write: (keys: KeyDocument[]) => void): Promise<void> {
  const { ring, version } = (await fixture.store.read(ACME))!;
  const document = structuredClone(formatKeyRing(ring)) as RingDocument;
  write(document.keys);
  await fixture.vault.write(keyRingPath(ACME), document, version);
}

describe('reading', () => {
  it('happens once for concurrent callers, and not again while the ring is recent', async () => {
    fixture.tenants.invalidate();
    const globex = await fixture.addTenant('globex');
    fixture.vault.reads = 0;
    const keys = await Promise.all(Array.from({ length: 50 }, async () => keyRings.signingKey(globex)));
    fixture.clock.advance(15_000);
    expect(await keyRings.signingKey(globex)).toBe(keys[49]);
    expect(fixture.vault.reads).toBe(1);
  });

  it('is repeated in the background at half the maximum age', async () => {
    fixture.clock.advance(15_001);
    await signingKid();
    await eventually('a reading', () => fixture.vault.reads === 1);
    fixture.clock.advance(15_000);
    await signingKid();
    expect(fixture.vault.reads).toBe(1);
  });

  it('is repeated for a few rings at a time, however many are due', async () => {
    const tenants = await Promise.all(Array.from({ length: 12 }, (_, index) => fixture.addTenant(`t${index}`)));
    const useAll = () => Promise.all(tenants.map(async (tenant) => keyRings.signingKey(tenant)));
    await useAll();
    fixture.clock.advance(15_001);
    let open = (): void => undefined;
    fixture.vault.gate = new Promise((resolve) => (open = resolve));
    fixture.vault.reads = 0;
    await useAll();
    await eventually('the first readings', () => fixture.vault.reads === 8);
    await useAll();
    open();
    await eventually('the others', async () => {
      await useAll();
      return fixture.vault.reads === 12;
    });
  });

  it('of one ring that is used often leaves room for the others', async () => {
    const globex = await fixture.addTenant('globex');
    await keyRings.signingKey(globex);
    fixture.clock.advance(15_001);
    let open = (): void => undefined;
    fixture.vault.gate = new Promise((resolve) => (open = resolve));
    fixture.vault.reads = 0;
    for (let use = 0; use < 20; use += 1) await signingKid();
    await keyRings.signingKey(globex);
    await eventually('both readings', () => fixture.vault.reads === 2);
    open();
  });

  it('keeps the imported keys if nothing changed', async () => {
    const before = await keyRings.signingKey(acme);
    fixture.clock.advance(31_000);
    expect(await keyRings.signingKey(acme)).toBe(before);
    expect(fixture.vault.reads).toBe(1);
  });

  it('notices the new ring of a purged tenant although its version is the same again', async () => {
    await fixture.vault.destroy(keyRingPath(ACME));
    await fixture.addTenant('acme');
    fixture.clock.advance(31_000);
    expect(await signingKid()).not.toBe(firstKid);
  });

  it('keeps no more rings than it may', async () => {
    const small = await openIssuingFixture({ maxRings: 1 });
    const [first, second] = [await small.addTenant('acme'), await small.addTenant('globex')];
    small.vault.reads = 0;
    for (const tenant of [first, second, first]) await small.keyRings.signingKey(tenant);
    expect(small.vault.reads).toBe(3);
    await small.close();
  });

  it('caches nothing for ids that are not tenants', async () => {
    const small = await openIssuingFixture({ maxRings: 1 });
    const tenant = await small.addTenant('acme');
    await small.keyRings.signingKey(tenant);
    small.vault.reads = 0;
    const strangers = Array.from({ length: 20 }, (_, index) =>
      refusalOf(small.keyRings.published(tenantId(`x${index}`))),
    );
    expect((await Promise.all(strangers)).map(({ code }) => code)).toEqual(Array(20).fill('client_not_found'));
    await small.keyRings.signingKey(tenant);
    expect(small.vault.reads).toBe(0);
    await small.close();
  });
});

describe('an announced change', () => {
  it('is read at once, before any request', async () => {
    await change((ring, now) => rotate(ring, next, now));
    expect(await publishedKids()).toEqual([firstKid]);
    fixture.vault.reads = 0;
    fixture.tenants.invalidate(ACME);
    await eventually(
      'the reading of both keys',
      async () => fixture.vault.reads === 1 && (await publishedKids()).length === 2,
    );
    expect(await publishedKids()).toEqual([firstKid, next.kid]);
    expect(fixture.vault.reads).toBe(1);
  });

  it('that comes during a read is read too', async () => {
    let open = (): void => undefined;
    fixture.vault.gate = new Promise((resolve) => (open = resolve));
    fixture.tenants.invalidate(ACME);
    await eventually('a reading', () => fixture.vault.reads === 1);
    // This read sees the state before the change, and is still running when the change is announced.
    fixture.vault.gate = Promise.resolve();
    await change((ring, now) => rotate(ring, next, now));
    fixture.tenants.invalidate(ACME);
    open();
    // The running read, one for the change, and one after it, without any use of the ring.
    await eventually('a reading for each change', () => fixture.vault.reads === 3);
    await eventually('both keys are published', async () => (await publishedKids()).includes(next.kid));
  });

  it('of many tenants is read a few at a time', async () => {
    const tenants = await Promise.all(Array.from({ length: 12 }, (_, index) => fixture.addTenant(`t${index}`)));
    for (const tenant of tenants) await keyRings.signingKey(tenant);
    let open = (): void => undefined;
    fixture.vault.gate = new Promise((resolve) => (open = resolve));
    fixture.vault.reads = 0;
    for (const { id } of tenants) fixture.tenants.invalidate(id);
    await eventually('the first readings', () => fixture.vault.reads === 8);
    await keyRings.signingKey(tenants[11]!);
    expect(fixture.vault.reads).toBe(8);
    open();
    await eventually('all readings', () => fixture.vault.reads === 12);
    await keyRings.signingKey(acme);
    expect(fixture.vault.reads).toBe(12);
  });

  it('of unknown tenants is read at the next use', async () => {
    await change((ring, now) => rotate(ring, next, now));
    fixture.vault.reads = 0;
    fixture.tenants.invalidate();
    await signingKid();
    await eventually('both keys are published', async () => (await publishedKids()).includes(next.kid));
    expect(fixture.vault.reads).toBe(1);
  });

  it('without announcement is noticed at the maximum age, long before the new key signs', async () => {
    await change((ring, now) => rotate(ring, next, now));
    fixture.clock.advance(31_000);
    expect(await signingKid()).toBe(firstKid);
    expect(await publishedKids()).toEqual([firstKid, next.kid]);
    expect(31).toBeLessThan(MIN_LEAD_SECONDS);
  });

  it('without announcement is in the first answer after the maximum age', async () => {
    await change((ring, now) => rotate(ring, next, now));
    fixture.clock.advance(31_000);
    expect(await publishedKids()).toEqual([firstKid, next.kid]);
  });

  it('that cannot be read when it is announced is read as soon as it can be, before any request', async () => {
    await change((ring, now) => rotate(ring, next, now));
    fixture.vault.plugged = false;
    fixture.tenants.invalidate(ACME);
    await eventually('a failed reading', () => alarms().length > 0);
    expect(await publishedKids()).toEqual([firstKid]);
    fixture.vault.plugged = true;
    fixture.vault.reads = 0;
    await eventually('it is read', () => fixture.vault.reads > 0);
    await eventually('it is published', async () => (await publishedKids()).length === 2);
  });

  it('removes a revoked key from the verification keys', async () => {
    await change((ring, now) => rotate(ring, next, now));
    await change((ring, now) => activate(ring, next.kid, now, { dangerouslyBeforeVerifiersKnowIt: true }));
    fixture.tenants.invalidate(ACME);
    await eventually('the new key signs', async () => (await signingKid()) === next.kid);
    expect(await keyRings.verificationKey(ACME, firstKid)).toBeDefined();
    await change((ring, now) => revoke(ring, firstKid, now));
    fixture.tenants.invalidate(ACME);
    await eventually(
      'the revoked key is gone',
      async () => (await keyRings.verificationKey(ACME, firstKid)) === undefined,
    );
  });

  it('that removes the tenant drops its keys from memory', async () => {
    await fixture.writer.removeTenant(ACME, fixture.clock.ms);
    fixture.tenants.invalidate(ACME);
    await eventually(
      'the tenant is gone',
      async () => (await keyRings.published(ACME).catch(() => undefined)) === undefined,
    );
    expect((await refusalOf(keyRings.published(ACME))).code).toBe('client_not_found');
    expect(alarms()).toEqual([]);
  });
});

describe('time alone', () => {
  it('activates the next key without a read', async () => {
    await change((ring, now) => rotate(ring, next, now));
    fixture.clock.advance(31_000);
    await signingKid();
    fixture.vault.plugged = false;
    // Only the wall clock: the ring's age does not change.
    fixture.clock.jump(MIN_LEAD_SECONDS * 1000);
    expect(await signingKid()).toBe(next.kid);
    fixture.clock.jump(-MIN_LEAD_SECONDS * 1000);
    expect(await signingKid()).toBe(firstKid);
    fixture.clock.jump((MIN_LEAD_SECONDS + RETENTION_SECONDS) * 1000);
    expect(await publishedKids()).toEqual([next.kid]);
  });
});

describe('while Vault is away', () => {
  beforeEach(() => {
    fixture.vault.plugged = false;
  });

  it('signs up to the maximum age and not a moment longer', async () => {
    fixture.clock.advance(30_000);
    expect(await signingKid()).toBe(firstKid);
    fixture.clock.advance(1);
    expect(await refusalOf(signingKid())).toMatchObject({
      code: 'temporarily_unavailable',
      reason: 'vault: unplugged',
      retryAfterSeconds: 1,
    });
  });

  it('publishes and verifies with the last good ring for any length of time', async () => {
    fixture.clock.advance(86_400_000);
    expect(await publishedKids()).toEqual([firstKid]);
    expect(await keyRings.verificationKey(ACME, firstKid)).toBeDefined();
  });

  it('answers 503 for a tenant whose ring was never read', async () => {
    await fixture.writer.saveTenant({ tenant: { ...acme, id: GLOBEX }, administrators: [] });
    expect((await refusalOf(keyRings.published(GLOBEX))).code).toBe('temporarily_unavailable');
    expect((await refusalOf(keyRings.verificationKey(GLOBEX, firstKid))).code).toBe('temporarily_unavailable');
  });

  it('reads once a second, not once per request, and recovers by itself', async () => {
    fixture.clock.advance(31_000);
    for (let request = 0; request < 20; request += 1) await refusalOf(signingKid());
    expect(fixture.vault.reads).toBe(1);
    fixture.clock.advance(1_000);
    for (let request = 0; request < 20; request += 1) await refusalOf(signingKid());
    expect(fixture.vault.reads).toBe(2);
    fixture.vault.plugged = true;
    fixture.clock.advance(1_000);
    expect(await signingKid()).toBe(firstKid);
  });

  it('logs one alarm a minute', async () => {
    fixture.clock.advance(31_000);
    for (let second = 0; second < 61; second += 1) {
      await refusalOf(signingKid());
      fixture.clock.advance(1_000);
    }
    expect(alarms()).toMatchObject([
      { level: 50, tenant_id: 'acme', reason: 'vault: unplugged' },
      { level: 50, tenant_id: 'acme', reason: 'vault: unplugged' },
    ]);
  });
});

describe('a ring that is not usable', () => {
  const refused = { code: 'temporarily_unavailable', reason: 'key ring: a key is not what its entry says' };

  it('is refused as a whole if a private half does not match the published one', async () => {
    await change((ring, now) => rotate(ring, next, now));
    // The public members match, but the private number does not.
    const { d } = JSON.parse(Secret.reveal((await newSigningKey('ES256')).privateJwk)) as { d: string };
    await edit(([key]) => (key!.private_jwk['d'] = d));
    fixture.clock.advance(31_000);
    expect(await refusalOf(signingKid())).toMatchObject(refused);
    expect(alarms()).toMatchObject([{ tenant_id: 'acme', reason: refused.reason }]);
    expect(fixture.lines.join()).not.toContain(d);
  });

  it('is refused before its wrong key would sign', async () => {
    await change((ring, now) => rotate(ring, next, now));
    await edit((keys) => (keys[1]!.private_jwk['d'] = keys[0]!.private_jwk['d']));
    fixture.clock.advance(31_000);
    expect(await refusalOf(signingKid())).toMatchObject(refused);
  });

  it('is refused when a published half is no point on the curve', async () => {
    await edit((keys) => {
      keys[0]!.public_jwk['x'] = keys[0]!.private_jwk['x'] = 'A'.repeat(43);
    });
    fixture.clock.advance(31_000);
    expect(await refusalOf(signingKid())).toMatchObject(refused);
  });

  it('does not replace the last good ring for verification', async () => {
    await edit((keys) => (keys[0]!.private_jwk['d'] = 'A'.repeat(43)));
    fixture.tenants.invalidate(ACME);
    await eventually('the alarm', () => alarms().length === 1);
    expect(await publishedKids()).toEqual([firstKid]);
  });

  it('is an alarm if Vault says that there is none, and none is created', async () => {
    await fixture.vault.destroy(keyRingPath(ACME));
    fixture.clock.advance(31_000);
    expect(await refusalOf(signingKid())).toMatchObject({
      code: 'temporarily_unavailable',
      reason: 'key ring: the tenant has none',
    });
    expect(await publishedKids()).toEqual([firstKid]);
    expect(alarms()).toHaveLength(1);
    expect(await fixture.vault.read(keyRingPath(ACME))).toBeUndefined();
  });

  it('is an alarm if no key signs', async () => {
    await edit((keys) => {
      keys[0]!['state'] = 'revoked';
      delete (keys[0] as Record<string, unknown>)['private_jwk'];
    });
    fixture.clock.advance(31_000);
    expect(await refusalOf(signingKid())).toMatchObject({
      code: 'temporarily_unavailable',
      reason: 'key ring: no key signs',
    });
    expect(alarms()).toHaveLength(1);
  });

  it('of one tenant does not affect another', async () => {
    const globex = await fixture.addTenant('globex');
    await edit((keys) => (keys[0]!.private_jwk['d'] = 'A'.repeat(43)));
    fixture.clock.advance(31_000);
    await refusalOf(signingKid());
    expect(await signingKid(globex)).toHaveLength(43);
  });
});
