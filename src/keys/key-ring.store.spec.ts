import { JwtService } from '@nestjs/jwt';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Secret } from '../config/secret.ts';
import { OperatorError } from '../errors/operator-error.ts';
import { refusalOf } from '../testing/refusal.ts';
import { temporaryFolder, tenantId } from '../testing/storage.ts';
import { EmbeddedVault } from '../vault/embedded/embedded-vault.ts';
import { keyRingPath } from '../vault/vault-path.ts';
import { VaultConflict, type VaultEntry } from '../vault/vault.service.ts';
import { MIN_LEAD_SECONDS, signingKey, type StoredKeyRing } from './key-ring.ts';
import { KeyRingStore } from './key-ring.store.ts';
import { SecondOpinion } from './second-opinion.ts';
import { firstRing, rotate } from './key-ring.transitions.ts';
import { newSigningKey, type NewSigningKey } from './new-signing-key.ts';

const T = 1_800_000_000;
const ACME = tenantId('acme');

let folder: ReturnType<typeof temporaryFolder>;
let store: KeyRingStore;
let keys: NewSigningKey[];

beforeAll(async () => {
  keys = await Promise.all([1, 2, 3].map(() => newSigningKey('ES256')));
});
beforeEach(() => {
  folder = temporaryFolder();
  store = new KeyRingStore(new EmbeddedVault(folder.path), new SecondOpinion(new JwtService()));
});
afterEach(() => {
  folder.remove();
});

const states = ({ ring }: StoredKeyRing) => ring.keys.map(({ kid, state }) => [kid, state]);

it('returns the ring that was created, and undefined if there is none', async () => {
  expect(await store.read(ACME)).toBeUndefined();
  await store.create(ACME, firstRing(keys[0]!, T));
  expect(await store.read(ACME)).toMatchObject({
    version: 1,
    ring: { keys: [{ kid: keys[0]!.kid, state: 'active' }] },
  });
});

it('keeps the ring that another writer created first', async () => {
  await store.create(ACME, firstRing(keys[0]!, T));
  expect(states(await store.create(ACME, firstRing(keys[1]!, T)))).toEqual([[keys[0]!.kid, 'active']]);
});

it('refuses a tenant without a ring, and creates none', async () => {
  const outcome = await store.update(ACME, () => {
    throw new Error('there is nothing to decide on');
  });
  expect(outcome).toEqual({ refusal: expect.stringMatching(/no key ring: .*`tessera apply`, or restore/) });
  expect(await store.read(ACME)).toBeUndefined();
});

it('writes no ring with a new key whose private half is not that of the published one', async () => {
  const { version } = await store.create(ACME, firstRing(keys[0]!, T));
  const { d } = JSON.parse(Secret.reveal(keys[2]!.privateJwk)) as { d: string };
  const mismatched = { ...keys[1]!, privateJwk: new Secret(JSON.stringify({ ...keys[1]!.publicJwk, d })) };
  await expect(store.update(ACME, (ring) => rotate(ring, mismatched, T))).rejects.toThrow(OperatorError);
  expect(await store.read(ACME)).toMatchObject({ version, ring: { keys: [{ kid: keys[0]!.kid }] } });
});

it('writes no ring that it could not read back', async () => {
  const { ring } = await store.create(ACME, firstRing(keys[0]!, T));
  const late = { ...ring.keys[0]!, activatedAt: 253_402_300_800 };
  const refusal = await refusalOf(store.update(ACME, () => ({ ring: { keys: [late] } })));
  expect([refusal.code, refusal.reason]).toEqual(['temporarily_unavailable', 'vault: the key ring is malformed']);
  await refusalOf(store.create(tenantId('beta'), { keys: [late] }));
  expect((await store.read(ACME))?.ring).toEqual(ring);
  expect(await store.read(tenantId('beta'))).toBeUndefined();
});

it('writes nothing if the change is refused', async () => {
  await store.create(ACME, firstRing(keys[0]!, T));
  expect(await store.update(ACME, () => ({ refusal: 'No: wait.' }))).toEqual({ refusal: 'No: wait.' });
  expect((await store.read(ACME))?.version).toBe(1);
});

it('refuses a malformed entry, and does not overwrite it', async () => {
  const vault = new EmbeddedVault(folder.path);
  await vault.write(keyRingPath(ACME), { keys: 'gone' }, 0);
  const malformed = 'vault: the key ring is malformed';
  expect((await refusalOf(store.read(ACME))).reason).toBe(malformed);
  expect((await refusalOf(store.create(ACME, firstRing(keys[0]!, T)))).reason).toBe(malformed);
  expect((await refusalOf(store.update(ACME, (ring) => ({ ring })))).reason).toBe(malformed);
  expect((await vault.read(keyRingPath(ACME)))?.version).toBe(1);
});

it('stores no private key in plain text on disk', async () => {
  await store.create(ACME, firstRing(keys[0]!, T));
  const file = await readFile(join(folder.path, 'vault', `${keyRingPath(ACME)}.sealed`), 'latin1');
  expect(file).not.toContain('private_jwk');
});

it('lets one of two concurrent rotations win, and refuses the other', async () => {
  await store.create(ACME, firstRing(keys[0]!, T));
  // Both read the same ring before either writes: each waits until the other has read.
  let readers = 0;
  let bothHaveRead = (): void => undefined;
  const barrier = new Promise<void>((resolve) => (bothHaveRead = resolve));
  class Rendezvous extends EmbeddedVault {
    override async read(...args: Parameters<EmbeddedVault['read']>): Promise<VaultEntry | undefined> {
      const entry = await super.read(...args);
      readers += 1;
      if (readers === 2) bothHaveRead();
      await barrier;
      return entry;
    }
  }
  const outcomes = await Promise.all(
    [keys[1]!, keys[2]!].map((key) =>
      new KeyRingStore(new Rendezvous(folder.path), new SecondOpinion(new JwtService())).update(ACME, (ring) =>
        rotate(ring, key, T),
      ),
    ),
  );
  const [winner] = outcomes.filter((outcome) => 'ring' in outcome);
  const [loser] = outcomes.filter((outcome) => 'refusal' in outcome);
  expect(readers).toBe(3);
  expect(loser?.refusal).toMatch(/waits to become active already/);
  const stored = (await store.read(ACME))!;
  expect(stored).toEqual(winner);
  expect(stored.version).toBe(2);
  expect(stored.ring.keys.map(({ state }) => state)).toEqual(['active', 'next']);
  expect(signingKey(stored.ring, T + MIN_LEAD_SECONDS)?.state).toBe('next');
});

it('gives up if other writers keep coming first', async () => {
  await store.create(ACME, firstRing(keys[0]!, T));
  class Contended extends EmbeddedVault {
    override write(): Promise<number> {
      return Promise.reject(new VaultConflict());
    }
  }
  const contended = new KeyRingStore(new Contended(folder.path), new SecondOpinion(new JwtService()));
  expect((await refusalOf(contended.update(ACME, (ring) => ({ ring })))).reason).toBe(
    'vault: the key ring changes too fast',
  );
});
