import { readdir, readFile, rm } from 'node:fs/promises';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedVault } from '../../src/vault/embedded/embedded-vault.ts';
import { REPOSITORY } from '../support/servers/required-servers.ts';
import { vaultServiceConformance } from './vault-service.ts';

vaultServiceConformance('EmbeddedVault', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-vault-'));
  return {
    vault: new EmbeddedVault(folder),
    another: () => new EmbeddedVault(folder),
    removeByHand: (path) => rm(join(folder, 'vault', `${path}.sealed`)),
    close: () => rm(folder, { recursive: true }),
  };
});

describe('the conformance suite of VaultService', () => {
  it('is run for every adapter', async () => {
    const adapters = await matches('src', /class (\w+) extends VaultService\b/g);
    const suites = await matches('test', /vaultServiceConformance\('(\w+)',/g);
    expect(adapters).toEqual(['EmbeddedVault', 'KvVault']);
    expect(suites).toEqual(adapters);
  });
});

async function matches(folder: string, pattern: RegExp): Promise<string[]> {
  const files = await readdir(join(REPOSITORY, folder), { recursive: true });
  const texts = await Promise.all(
    files.filter((file) => file.endsWith('.ts')).map((file) => readFile(join(REPOSITORY, folder, file), 'utf8')),
  );
  return texts.flatMap((text) => [...text.matchAll(pattern)].map(([, name]) => name!)).sort();
}
