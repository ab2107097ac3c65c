import { readdirSync, readFileSync } from 'node:fs';
import type { VaultFailure } from '../errors/dependency-failure.ts';
import { unavailable } from '../errors/tessera-error.ts';
import { explainError } from './explain-error.ts';
import { VAULT_FIXES } from './vault-fixes.ts';

const FOLDERS = ['vault/', 'vault/kv/', 'vault/embedded/', 'runtime/', 'clients/', 'keys/', 'issuing/'].map(
  (folder) => new URL(`../${folder}`, import.meta.url),
);

/** Every reason in the store's code: in `unavailable('vault', …)` and in its tables. */
function reasons(): string[] {
  const sources = FOLDERS.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
      // The other files of src/clients have phrases about assertions, which Vault has no part in.
      .filter((name) => !folder.pathname.endsWith('/clients/') || name.startsWith('client-secret'))
      .map((name) => readFileSync(new URL(name, folder), 'utf8')),
  );
  const thrown = sources.flatMap((source) =>
    [...source.matchAll(/unavailable\('vault',\s*['`]([^'`]+)['`]/g)].map(([, reason = '']) => reason),
  );
  const returned = sources.flatMap((source) =>
    [...source.matchAll(/'((?:it|its|our|the) [a-z][^']+)'/g)].map(([, reason = '']) => reason),
  );
  return [
    ...new Set([
      ...thrown,
      ...returned.filter((reason) =>
        /^(?:it is|it limits|it redirects|it failed|it refuses|it speaks|it cannot|its|our policy|the mount|the namespace|the TLS|the connection|the entry is|the entry was sealed)/.test(
          reason,
        ),
      ),
    ]),
  ];
}

it('finds the reasons', () => {
  expect(reasons().length).toBeGreaterThan(25);
  expect(reasons()).toEqual(
    expect.arrayContaining(['it is a standby', 'its certificate is not trusted', 'no answer in time']),
  );
});

it.each(reasons())('has a fix of its own for "%s"', (reason) => {
  expect(Object.keys(VAULT_FIXES)).toContain(reason);
  const kind = reason as VaultFailure;
  const said = explainError(unavailable('vault', kind));
  expect(said).toContain(VAULT_FIXES[kind]);
  if (!reason.includes('sealed or')) expect(said).not.toMatch(/unseal/i);
});

it('gives a fix for a key file that others may read', () => {
  expect(
    explainError(unavailable('vault', 'the key file must have mode 0600', undefined, 'chmod 600 /d/vault.key')),
  ).toBe('Vault: the key file must have mode 0600: chmod 600 /d/vault.key. Run that, then run the command again.');
});
