import { parseClientId, parseProjectId, parseTenantId } from '../../src/domain/ids.ts';
import {
  clientSecretPath,
  databaseCredentialsPath,
  keyRingPath,
  tenantSecretsFolder,
} from '../../src/vault/vault-path.ts';
import { VaultConflict, type VaultService } from '../../src/vault/vault.service.ts';
import type { VaultPath } from '../../src/vault/vault-path.ts';

export interface VaultUnderTest {
  readonly vault: VaultService & { close(): Promise<void> };
  /** A second process on the same store. */
  another(): VaultService & { close(): Promise<void> };
  /** Removes an entry directly in the store, like an operator. */
  removeByHand(path: VaultPath): Promise<void>;
  close(): Promise<void>;
}

/** The behavior that src/vault/vault.service.ts documents, for one adapter. `adapter` is the name of its class. */
export function vaultServiceConformance(adapter: string, start: () => Promise<VaultUnderTest>): void {
  describe(`${adapter} as VaultService`, () => {
    let store: VaultUnderTest;
    let vault: VaultUnderTest['vault'];
    let tenants = 0;
    /** A tenant that no other test uses. */
    const newTenant = () => parseTenantId(`t-${(tenants += 1)}`)!;
    const clientPath = (tenant = newTenant(), project = 'shop', client = 'web') =>
      clientSecretPath(tenant, parseProjectId(project)!, parseClientId(client)!);

    beforeAll(async () => {
      store = await start();
      vault = store.vault;
    });
    afterAll(async () => {
      await store.close();
    });

    it('finds nothing at a path that was never written', async () => {
      expect(await vault.read(clientPath())).toBeUndefined();
      expect(await vault.read(keyRingPath(newTenant()))).toBeUndefined();
    });

    it('returns the written entry, with its version', async () => {
      const path = clientPath();
      const data = { secret_id: 'ä€😀\n"', list: [{ n: 1, deep: { t: true, none: null } }], empty: {} };
      expect(await vault.write(path, data, 0)).toBe(1);
      expect(await vault.read(path)).toEqual({ version: 1, data });
    });

    it('leaves out members that are undefined', async () => {
      const path = clientPath();
      await vault.write(path, { kept: 1, dropped: undefined }, 0);
      expect((await vault.read(path))?.data).toEqual({ kept: 1 });
      expect(Object.keys((await vault.read(path))!.data)).toEqual(['kept']);
    });

    it('replaces the whole entry and counts its version up', async () => {
      const path = databaseCredentialsPath(newTenant());
      await vault.write(path, { a: 1, b: 1 }, 0);
      expect(await vault.write(path, { a: 2 }, 1)).toBe(2);
      expect(await vault.read(path)).toEqual({ version: 2, data: { a: 2 } });
    });

    it.each([
      ['a new entry over an existing one', 0],
      ['over an older version', 1],
      ['over a future version', 3],
    ])('refuses to write %s, and changes nothing', async (_, expectedVersion) => {
      const path = clientPath();
      await vault.write(path, { n: 1 }, 0);
      await vault.write(path, { n: 2 }, 1);
      await expect(vault.write(path, { n: 3 }, expectedVersion)).rejects.toBeInstanceOf(VaultConflict);
      expect(await vault.read(path)).toEqual({ version: 2, data: { n: 2 } });
    });

    it('refuses to write over a version of a missing entry', async () => {
      await expect(vault.write(clientPath(), { n: 1 }, 1)).rejects.toBeInstanceOf(VaultConflict);
    });

    it('lets exactly one of concurrent writers succeed', async () => {
      const path = clientPath();
      const second = store.another();
      const outcomes = await Promise.allSettled(
        Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? vault : second).write(path, { n }, 0)),
      );
      await second.close();
      const winners = outcomes.flatMap((outcome, n) => (outcome.status === 'fulfilled' ? [n] : []));
      expect(winners).toHaveLength(1);
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(VaultConflict);
      expect(await vault.read(path)).toEqual({ version: 1, data: { n: winners[0] } });
    });

    it('loses no change of writers that read again after a conflict', async () => {
      const path = clientPath();
      const second = store.another();
      const addOne = async (writer: VaultService): Promise<void> => {
        const entry = await writer.read(path);
        const n = Number(entry?.data['n'] ?? 0);
        try {
          await writer.write(path, { n: n + 1 }, entry?.version ?? 0);
        } catch (error) {
          if (!(error instanceof VaultConflict)) throw error;
          await addOne(writer);
        }
      };
      await Promise.all(Array.from({ length: 8 }, (_, n) => addOne(n % 2 === 0 ? vault : second)));
      await second.close();
      expect(await vault.read(path)).toEqual({ version: 8, data: { n: 8 } });
    });

    it('treats an entry removed by hand as missing, and lets it be written again', async () => {
      const path = clientPath();
      await vault.write(path, { n: 1 }, 0);
      await vault.write(path, { n: 2 }, 1);
      await store.removeByHand(path);
      expect(await vault.read(path)).toBeUndefined();

      const outcomes = await Promise.allSettled([vault.write(path, { n: 3 }, 0), vault.write(path, { n: 3.5 }, 0)]);
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      const entry = await vault.read(path);
      const winner = outcomes.findIndex(({ status }) => status === 'fulfilled');
      expect(outcomes[winner]).toEqual({ status: 'fulfilled', value: entry!.version });
      expect(entry!.data).toEqual({ n: [3, 3.5][winner] });
      // The version continues.
      expect(await vault.write(path, { n: 4 }, entry!.version)).toBe(entry!.version + 1);
    });

    it('destroys an entry with all versions, and no other entry', async () => {
      const tenant = newTenant();
      const path = clientPath(tenant);
      const other = clientPath(tenant, 'shop', 'app');
      await vault.write(path, { n: 1 }, 0);
      await vault.write(path, { n: 2 }, 1);
      await vault.write(other, { n: 1 }, 0);
      await vault.destroy(path);
      expect(await vault.read(path)).toBeUndefined();
      expect(await vault.read(other)).toEqual({ version: 1, data: { n: 1 } });
      expect(await vault.write(path, { n: 3 }, 0)).toBe(1);
    });

    it('destroys a missing entry without an error', async () => {
      const path = clientPath();
      await vault.destroy(path);
      await vault.write(path, { n: 1 }, 0);
      await vault.destroy(path);
      await vault.destroy(path);
      expect(await vault.read(path)).toBeUndefined();
    });

    it('lists the entries of a folder at any depth, sorted, and of no other', async () => {
      const tenant = newTenant();
      // A tenant whose id has the same beginning must not be listed.
      const alike = parseTenantId(`${tenant}0`)!;
      const paths = [
        clientPath(tenant, 'shop', 'web'),
        clientPath(tenant, 'shop', 'app'),
        clientPath(tenant, 'a-b', 'web'),
      ];
      for (const path of [...paths, clientPath(alike), keyRingPath(tenant)]) await vault.write(path, { n: 1 }, 0);
      expect(await vault.list(tenantSecretsFolder(tenant))).toEqual([...paths].sort());
      expect(await vault.list(tenantSecretsFolder(newTenant()))).toEqual([]);
    });

    it('keeps an entry of 100 kB', async () => {
      const path = keyRingPath(newTenant());
      const data = { text: 'x'.repeat(100_000) };
      await vault.write(path, data, 0);
      expect((await vault.read(path))?.data).toEqual(data);
    });

    it('shows one process what another has just written', async () => {
      const path = clientPath();
      const second = store.another();
      await vault.write(path, { n: 1 }, 0);
      expect(await second.read(path)).toEqual({ version: 1, data: { n: 1 } });
      await second.write(path, { n: 2 }, 1);
      expect(await vault.read(path)).toEqual({ version: 2, data: { n: 2 } });
      await second.close();
    });

    it('reports that it is available', async () => {
      await vault.check();
    });
  });
}
