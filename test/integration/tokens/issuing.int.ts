import { JwtService } from '@nestjs/jwt';
import { KeyRingStore } from '../../../src/keys/key-ring.store.ts';
import { SecondOpinion } from '../../../src/keys/second-opinion.ts';
import { MIN_LEAD_SECONDS, publishedKeys, signingKey, type StoredKeyRing } from '../../../src/keys/key-ring.ts';
import { activate, firstRing, rotate } from '../../../src/keys/key-ring.transitions.ts';
import { KeyRings } from '../../../src/keys/key-rings.ts';
import { newSigningKey } from '../../../src/keys/new-signing-key.ts';
import type { Tenant } from '../../../src/tenancy/tenant.ts';
import { JumpyClock } from '../../../src/testing/issuing-fixture.ts';
import { byToken, KvVaults } from '../../support/fixtures/kv-vault.ts';
import { type RaftOpenBao, startOpenBaoRaft } from '../../support/servers/openbao.ts';
import { refusalOf } from '../../../src/testing/refusal.ts';
import { collectingLog, storedTenant } from '../../../src/testing/storage.ts';
import { eventually } from '../../../libs/token/test/eventually.ts';

const T = 1_800_000_000;
const MAX_AGE_SECONDS = 30;

const vaults = new KvVaults();
let bao: RaftOpenBao;
let tenants = 0;

beforeAll(async () => {
  bao = await startOpenBaoRaft();
});
afterEach(() => vaults.close());
afterAll(() => bao.close());

const newTenant = (): Tenant => storedTenant(`t-${(tenants += 1)}`);
const connect = async () =>
  new KeyRingStore(vaults.connect(bao.address, byToken(await bao.createToken())), new SecondOpinion(new JwtService()));

async function rotateOnce(store: KeyRingStore, tenant: Tenant, now: number) {
  const key = await newSigningKey('ES256');
  return store.update(tenant.id, (ring) => rotate(ring, key, now));
}

it('lets one of concurrent rotations on several replicas succeed, repeatedly', async () => {
  const tenant = newTenant();
  const replicas = await Promise.all([connect(), connect(), connect()]);
  await replicas[0].create(tenant.id, firstRing(await newSigningKey('ES256'), T));
  for (let round = 1; round <= 10; round += 1) {
    const now = T + round * MIN_LEAD_SECONDS;
    const outcomes = await Promise.allSettled(replicas.map((store) => rotateOnce(store, tenant, now)));
    const told = outcomes.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return 'refusal' in outcome.value ? outcome.value.refusal : 'won';
    });
    expect(told.sort()).toEqual([
      expect.stringMatching(/waits to become active already/),
      expect.stringMatching(/waits to become active already/),
      'won',
    ]);
    const stored = (await replicas[0].read(tenant.id))!;
    expect(stored.version).toBe(round + 1);
    expect(stored.ring.keys.filter(({ state }) => state === 'next')).toHaveLength(1);
  }
});

it('lets one of two concurrent first rings succeed, and both then use it', async () => {
  const tenant = newTenant();
  const stores = await Promise.all([connect(), connect()]);
  const rings = await Promise.all(
    stores.map(async (store) => store.create(tenant.id, firstRing(await newSigningKey('ES256'), T))),
  );
  expect(rings[0]!.version).toBe(1);
  expect(rings[1]!.ring.keys.map(({ kid }) => kid)).toEqual(rings[0]!.ring.keys.map(({ kid }) => kid));
});

it('has no ring if it was deleted by hand, and gets a new one by provisioning only', async () => {
  const tenant = newTenant();
  const store = await connect();
  await store.create(tenant.id, firstRing(await newSigningKey('ES256'), T));
  await bao.api('DELETE', `kv/data/keys/${tenant.id}`);
  expect(await store.read(tenant.id)).toBeUndefined();
  expect(await rotateOnce(store, tenant, T)).toEqual({
    refusal: expect.stringMatching(/no key ring: .*tessera apply/),
  });
  const key = await newSigningKey('ES256');
  await store.create(tenant.id, firstRing(key, T));
  expect((await store.read(tenant.id))?.ring.keys.map(({ kid }) => kid)).toEqual([key.kid]);
});

it('signs while Vault is sealed until the ring’s maximum age, publishes without a limit, and recovers', async () => {
  const tenant = newTenant();
  const store = await connect();
  const clock = new JumpyClock();
  const first = await newSigningKey('ES256');
  await store.create(tenant.id, firstRing(first, clock.seconds));
  const port = { open: () => Promise.resolve(tenant), subscribe: () => undefined };
  const { log, lines } = collectingLog();
  const keyRings = new KeyRings(store, port, clock, log, { caches: { vaultSeconds: MAX_AGE_SECONDS, tenants: 10 } });
  const signingKey = async () => keyRings.signingKey(tenant);
  await signingKey();

  await bao.seal();
  clock.advance(MAX_AGE_SECONDS * 1000);
  expect((await signingKey()).kid).toBe(first.kid);
  clock.advance(1_001);
  expect((await refusalOf(signingKey())).code).toBe('temporarily_unavailable');
  clock.advance(3_600_000);
  expect((await keyRings.published(tenant.id)).publishedKeys(clock.seconds)).toHaveLength(1);

  await bao.unseal();
  const signsAgain = async () => {
    clock.advance(1_001);
    return (await signingKey().catch(() => undefined))?.kid === first.kid;
  };
  await eventually('it recovers', signsAgain, 5_000);
  expect(lines.join()).toContain('key_ring_unusable');
});

it('leaves a whole ring with every acknowledged change when Vault is killed during rotations', async () => {
  const tenant = newTenant();
  const store = await connect();
  let acknowledged: StoredKeyRing = await store.create(tenant.id, firstRing(await newSigningKey('ES256'), T));
  for (let kill = 0; kill < 2; kill += 1) {
    const rotating = (async () => {
      for (;;) {
        const key = await newSigningKey('ES256');
        const now = T + acknowledged.version * MIN_LEAD_SECONDS;
        const outcome = await store.update(tenant.id, (ring) => rotate(ring, key, now));
        if ('ring' in outcome) acknowledged = outcome;
        // The write was made but not acknowledged, so a key is waiting. Let it sign, so that the next round can start.
        else
          await store.update(tenant.id, (ring) =>
            activate(ring, ring.keys.at(-1)!.kid, now, { dangerouslyBeforeVerifiersKnowIt: true }),
          );
      }
    })();
    await new Promise((resolve) => setTimeout(resolve, 150 + 100 * kill));
    await bao.stop('SIGKILL');
    expect((await refusalOf(rotating)).code).toBe('temporarily_unavailable');
    await bao.start();
    await bao.unseal();

    const stored = (await store.read(tenant.id))!;
    expect(stored.version - acknowledged.version).toBeGreaterThanOrEqual(0);
    expect(stored.version - acknowledged.version).toBeLessThanOrEqual(1);
    const now = T + acknowledged.version * MIN_LEAD_SECONDS;
    expect(publishedKeys(stored.ring, now)).toContain(signingKey(stored.ring, now));
    if (stored.version === acknowledged.version) expect(stored).toEqual(acknowledged);
  }
});
