import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseClientId, parseProjectId, parseTenantId } from '../domain/ids.ts';
import { Clock } from '../domain/clock.ts';
import { EmbeddedVault } from '../vault/embedded/embedded-vault.ts';
import { clientSecretPath } from '../vault/vault-path.ts';
import { type ClientName, ClientSecretStore } from './client-secret.store.ts';

class FixedClock extends Clock {
  seconds = 1_000_000;
  override nowMs(): number {
    return this.seconds * 1000;
  }
  override monotonicMs(): number {
    return this.seconds * 1000;
  }
}

const CLIENT: ClientName = {
  tenantId: parseTenantId('acme')!,
  projectId: parseProjectId('shop')!,
  clientId: parseClientId('web')!,
};
const PATH = clientSecretPath(CLIENT.tenantId, CLIENT.projectId, CLIENT.clientId);
const PLAIN = { expiresInSeconds: undefined, label: undefined };

let folder: string;
let vault: EmbeddedVault;
let clock: FixedClock;
let store: ClientSecretStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-secrets-'));
  vault = new EmbeddedVault(folder);
  clock = new FixedClock();
  store = new ClientSecretStore(vault, clock);
});
afterEach(() => rm(folder, { recursive: true }));

describe('ClientSecretStore', () => {
  it('makes a secret for a client without a live one, once', async () => {
    expect(await store.hasLiveSecret(CLIENT)).toBe(false);
    const secret = await store.ensure(CLIENT);
    expect((await store.read(CLIENT)).generated[0]!.sha256).toEqual(secret!.sha256());
    expect(await store.ensure(CLIENT)).toBeUndefined();
    expect((await vault.read(PATH))!.version).toBe(1);
  });

  it('treats an operator-provided secret as live, and does not change it', async () => {
    await vault.write(PATH, { secret_id: 'by-hand', note: 'kept' }, 0);
    expect(await store.ensure(CLIENT)).toBeUndefined();
    await store.add(CLIENT, PLAIN);
    expect((await vault.read(PATH))!.data).toMatchObject({ secret_id: 'by-hand', note: 'kept' });
  });

  it('makes a new one when the last has expired, and removes the expired one', async () => {
    await store.add(CLIENT, { expiresInSeconds: 60, label: 'short' });
    clock.seconds += 60;
    expect(await store.ensure(CLIENT)).toBeDefined();
    expect((await store.read(CLIENT)).generated).toHaveLength(1);
  });

  it('refuses a third live secret, with the fix', async () => {
    await vault.write(PATH, { secret_id: 'by-hand' }, 0);
    await store.add(CLIENT, PLAIN);
    await expect(store.add(CLIENT, PLAIN)).rejects.toThrow(/two live secrets already: .*tessera secrets retire/);
  });

  it('retires one of two, at once or later, and never the last', async () => {
    const first = await store.add(CLIENT, PLAIN);
    await expect(store.retire(CLIENT, first.id, 0, 'is kept')).rejects.toThrow(
      /no live secret left: .*tessera secrets add/,
    );
    const second = await store.add(CLIENT, PLAIN);
    await store.retire(CLIENT, first.id, 3_600, 'is kept');
    expect((await store.read(CLIENT)).generated[0]).toMatchObject({ id: first.id, expiresAt: clock.seconds + 3_600 });
    await store.retire(CLIENT, first.id, 0, 'is kept');
    expect((await store.read(CLIENT)).generated.map(({ id }) => id)).toEqual([second.id]);
    await expect(store.retire(CLIENT, first.id, 0, 'is kept')).rejects.toThrow(/no secret with this id/);
  });

  it('retires the last of a client that authenticates otherwise', async () => {
    const last = await store.add(CLIENT, PLAIN);
    await store.retire(CLIENT, last.id, 0, 'is retired too');
    expect(await store.hasLiveSecret(CLIENT)).toBe(false);
  });

  it('does not count a secret that expires before the retired one would', async () => {
    const first = await store.add(CLIENT, PLAIN);
    await store.add(CLIENT, { expiresInSeconds: 60, label: undefined });
    await expect(store.retire(CLIENT, first.id, 3_600, 'is kept')).rejects.toThrow(/no live secret left/);
  });

  it('replaces only the secrets with the label', async () => {
    const kept = await store.add(CLIENT, PLAIN);
    await store.replaceLabelled(CLIENT, 'quickstart');
    const latest = await store.replaceLabelled(CLIENT, 'quickstart');
    const { generated } = await store.read(CLIENT);
    expect(generated.map(({ id }) => id)[0]).toBe(kept.id);
    expect(generated[1]!.sha256).toEqual(latest!.sha256());
    expect(generated).toHaveLength(2);
  });

  it('replaces nothing when two without the label are live', async () => {
    await store.add(CLIENT, PLAIN);
    await store.add(CLIENT, PLAIN);
    const before = await vault.read(PATH);
    expect(await store.replaceLabelled(CLIENT, 'quickstart')).toBeUndefined();
    expect(await vault.read(PATH)).toEqual(before);
  });

  it('lets each of many concurrent writers succeed or fail with an error', async () => {
    const results = await Promise.allSettled(Array.from({ length: 4 }, () => store.ensure(CLIENT)));
    const made = results.filter((result) => result.status === 'fulfilled' && result.value !== undefined);
    expect(made).toHaveLength(1);
    expect((await store.read(CLIENT)).generated).toHaveLength(1);
  });
});
