import { chmod, copyFile, mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedVault } from '../../../src/vault/embedded/embedded-vault.ts';
import { clientSecretPath, keyRingPath, tenantSecretsFolder } from '../../../src/vault/vault-path.ts';
import { parseClientId, parseProjectId, parseTenantId } from '../../../src/domain/ids.ts';
import { startProcess } from '../../support/servers/process.ts';
import { refusalOf } from '../../../src/testing/refusal.ts';
import { REPOSITORY } from '../../support/servers/required-servers.ts';

const TENANT = parseTenantId('acme')!;
const client = (id: string) => clientSecretPath(TENANT, parseProjectId('shop')!, parseClientId(id)!);
const WEB = client('web');
const APP = client('app');
const COUNTED = keyRingPath(parseTenantId('counted')!);

describe('EmbeddedVault', () => {
  let folder: string;
  let vault: EmbeddedVault;
  const keyFile = () => join(folder, 'vault.key');
  const fileOf = (path: string) => join(folder, 'vault', `${path}.sealed`);
  /** As after a restart: nothing is cached. */
  const reopened = () => new EmbeddedVault(folder);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tessera-vault-'));
    vault = new EmbeddedVault(folder);
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  async function expectOutage(work: Promise<unknown>, reason: string): Promise<void> {
    const refusal = await refusalOf(work);
    expect(refusal.code).toBe('temporarily_unavailable');
    expect(refusal.reason).toBe(`vault: ${reason}`);
  }

  describe('on disk', () => {
    it('creates no file when it is only read, listed and checked, even without a data directory', async () => {
      const reader = new EmbeddedVault(join(folder, 'none'));
      await reader.check();
      expect(await reader.read(WEB)).toBeUndefined();
      expect(await reader.list(tenantSecretsFolder(TENANT))).toEqual([]);
      expect(await readdir(folder)).toEqual([]);
    });

    it('is readable by its owner only', async () => {
      const data = join(folder, 'new', 'data');
      await new EmbeddedVault(data).write(WEB, { n: 1 }, 0);
      const modes: Record<string, string> = {};
      for (const name of ['', ...(await readdir(data, { recursive: true }))])
        modes[name] = ((await stat(join(data, name))).mode & 0o777).toString(8);
      expect(modes).toEqual({
        '': '700',
        vault: '700',
        'vault.key': '600',
        'vault.lock': '600',
        'vault/secret': '700',
        'vault/secret/acme': '700',
        'vault/secret/acme/shop': '700',
        'vault/secret/acme/shop/web.sealed': '600',
      });
    });

    it('holds nothing readable, and seals the same content differently each time', async () => {
      await vault.write(WEB, { secret_id: 'marked-secret' }, 0);
      await vault.write(APP, { secret_id: 'marked-secret' }, 0);
      const [web, app] = [await readFile(fileOf(WEB)), await readFile(fileOf(APP))];
      expect(web.toString('latin1')).not.toContain('marked');
      expect(web.subarray(16).equals(app.subarray(16))).toBe(false);
    });
  });

  describe('with damaged files', () => {
    beforeEach(async () => {
      await vault.write(WEB, { n: 'web' }, 0);
      await vault.write(APP, { n: 'app' }, 0);
    });

    it('refuses two entries that were swapped', async () => {
      await rename(fileOf(WEB), join(folder, 'aside'));
      await rename(fileOf(APP), fileOf(WEB));
      await rename(join(folder, 'aside'), fileOf(APP));
      await expectOutage(reopened().read(WEB), 'the entry is damaged or was moved');
      await expectOutage(reopened().read(APP), 'the entry is damaged or was moved');
    });

    it('refuses an entry that was copied to another path', async () => {
      await copyFile(fileOf(WEB), fileOf(client('other')));
      await expectOutage(vault.read(client('other')), 'the entry is damaged or was moved');
    });

    it.each([0, 1, 20, 30])('refuses an entry that was cut to %i bytes', async (length) => {
      await truncate(fileOf(WEB), length);
      await expectOutage(vault.read(WEB), 'the entry is damaged or was moved');
    });

    it('refuses every change of one bit, also in the version', async () => {
      const sealed = await readFile(fileOf(WEB));
      for (let at = 0; at < sealed.length; at += 1) {
        const changed = Buffer.from(sealed);
        changed[at]! ^= 1;
        await writeFile(fileOf(WEB), changed);
        expect(await refusalOf(vault.read(WEB))).toMatchObject({ code: 'temporarily_unavailable' });
      }
    });

    it('does not write over an entry that it cannot read', async () => {
      await truncate(fileOf(WEB), 50);
      const before = await readFile(fileOf(WEB));
      await expectOutage(vault.write(WEB, { n: 2 }, 1), 'the entry is damaged or was moved');
      await expectOutage(vault.write(WEB, { n: 2 }, 0), 'the entry is damaged or was moved');
      expect(await readFile(fileOf(WEB))).toEqual(before);
    });

    it('serves the other entries', async () => {
      await truncate(fileOf(WEB), 10);
      expect(await reopened().read(APP)).toEqual({ version: 1, data: { n: 'app' } });
    });
  });

  describe('with a wrong key file', () => {
    const LOST = 'the key file is missing: restore it from the backup';
    beforeEach(async () => {
      await vault.write(WEB, { n: 'web' }, 0);
    });

    it('never makes a new key while there are entries', async () => {
      await rm(keyFile());
      for (const work of [
        () => reopened().read(WEB),
        () => reopened().read(APP),
        () => reopened().write(APP, {}, 0),
        () => reopened().check(),
        () => vault.write(APP, {}, 0),
      ])
        await expectOutage(work(), LOST);
      expect(await readdir(folder)).not.toContain('vault.key');
    });

    it('serves again when the key file is back', async () => {
      await rename(keyFile(), `${keyFile()}.away`);
      const waiting = reopened();
      await expectOutage(waiting.read(WEB), LOST);
      await rename(`${keyFile()}.away`, keyFile());
      expect(await waiting.read(WEB)).toEqual({ version: 1, data: { n: 'web' } });
    });

    it('neither reads nor writes with the key of another store', async () => {
      const other = await mkdtemp(join(tmpdir(), 'tessera-vault-'));
      await new EmbeddedVault(other).write(WEB, {}, 0);
      await copyFile(join(other, 'vault.key'), keyFile());
      await rm(other, { recursive: true });
      await expectOutage(reopened().read(WEB), 'the entry was sealed with another key file');
      await expectOutage(reopened().write(WEB, {}, 1), 'the entry was sealed with another key file');
      await expectOutage(reopened().write(APP, {}, 0), 'the entry was sealed with another key file');
    });

    it('is not ready with the key of another store, and ready with its own', async () => {
      const other = await mkdtemp(join(tmpdir(), 'tessera-vault-'));
      await new EmbeddedVault(other).write(WEB, {}, 0);
      await rename(keyFile(), `${keyFile()}.own`);
      await copyFile(join(other, 'vault.key'), keyFile());
      await rm(other, { recursive: true });
      const waiting = reopened();
      await expectOutage(waiting.check(), 'the entry was sealed with another key file');
      await rename(`${keyFile()}.own`, keyFile());
      await waiting.check();
    });

    it.each(['', 'short', `${'A'.repeat(43)}=\nmore`])('refuses a key file with the content %j', async (content) => {
      await writeFile(keyFile(), content);
      await expectOutage(reopened().read(WEB), 'the key file is malformed');
    });

    it('refuses a key file that others may read', async () => {
      await chmod(keyFile(), 0o640);
      await expectOutage(reopened().read(WEB), `the key file must have mode 0600: chmod 600 ${keyFile()}`);
    });

    it('notices that the store was replaced', async () => {
      await rm(join(folder, 'vault'), { recursive: true });
      await rm(keyFile());
      await reopened().write(WEB, { n: 'new' }, 0);
      expect(await vault.read(WEB)).toEqual({ version: 1, data: { n: 'new' } });
    });
  });

  describe('with other processes', () => {
    const writer = (times: number, prefix = '') =>
      startProcess(
        'sh',
        [
          '-c',
          `${prefix} exec "$0" --import ./scripts/typescript.mjs test/support/fixtures/vault-writer.ts "${folder}" ${times}`,
          process.execPath,
        ],
        { cwd: REPOSITORY, ready: () => true },
      );

    it('loses no write of two that count the same entry up', async () => {
      const writers = [await writer(100), await writer(100)];
      for (const { ended } of writers) expect(await ended).toBe(0);
      expect(await vault.read(COUNTED)).toEqual({ version: 200, data: { n: 200 } });
      const acknowledged = writers.flatMap((finished) => finished.output().match(/version \d+/g)!);
      expect(new Set(acknowledged).size).toBe(200);
    });

    it('loses no acknowledged write and stays whole when a writer is killed', async () => {
      let least = 0;
      for (let kills = 0; kills < 5; kills += 1) {
        const killed = await startKillable(least + 10 + kills);
        const acknowledged = Math.max(
          ...[...killed.matchAll(/version (\d+)\n/g)].map(([, version]) => Number(version)),
        );
        const entry = await reopened().read(COUNTED);
        expect(entry!.version).toBeGreaterThanOrEqual(acknowledged);
        expect(entry!.data).toEqual({ n: entry!.version });
        least = entry!.version;
      }
      // The lock did not outlive its holder, and what a killed writer left is cleared away.
      await reopened().write(COUNTED, { n: least + 1 }, least);
      expect(await readdir(join(folder, 'vault', 'keys'))).toEqual(['counted.sealed']);
    });

    /** Kills a writer as soon as it has acknowledged this version; what it printed. */
    async function startKillable(version: number): Promise<string> {
      const child = await writer(1_000_000);
      await new Promise<void>((resolve) => {
        child.child.stdout!.on('data', () => {
          if (child.output().includes(`version ${version}\n`)) resolve();
        });
      });
      await child.end('SIGKILL');
      return child.output();
    }

    it('refuses a write on a full disk and keeps what was there', async () => {
      await vault.write(COUNTED, { n: 1 }, 0);
      // No file may grow: every write ends in EFBIG, as it does in ENOSPC on a full disk.
      const full = await writer(1, "trap '' XFSZ; ulimit -f 0;");
      expect(await full.ended).toBe(1);
      expect(full.output()).toContain('vault: no space is left for its files');
      expect(await vault.read(COUNTED)).toEqual({ version: 1, data: { n: 1 } });
      expect(await readdir(join(folder, 'vault', 'keys'))).toEqual(['counted.sealed']);
      expect(await vault.write(COUNTED, { n: 2 }, 1)).toBe(2);
    });
  });
});
