/**
 * A second process on an embedded vault: counts an entry up by check-and-set, as often as told, and prints each version that was
 * acknowledged.
 *
 *     node --import ./scripts/typescript.mjs test/support/vault-writer.ts <data directory> <times>
 */
import { EmbeddedVault } from '../../src/vault/embedded/embedded-vault.ts';
import { keyRingPath } from '../../src/vault/vault-path.ts';
import { VaultConflict } from '../../src/vault/vault.service.ts';
import { TesseraError } from '../../src/errors/tessera-error.ts';
import { parseTenantId } from '../../src/domain/ids.ts';

const [dataDirectory, times] = process.argv.slice(2);
const vault = new EmbeddedVault(dataDirectory!);
const path = keyRingPath(parseTenantId('counted')!);

for (let done = 0; done < Number(times);) {
  const entry = await vault.read(path);
  try {
    const n = Number(entry?.data['n'] ?? 0) + 1;
    console.log(`version ${await vault.write(path, { n }, entry?.version ?? 0)}`);
    done += 1;
  } catch (error) {
    if (error instanceof VaultConflict) continue;
    console.log(error instanceof TesseraError ? error.reason : String(error));
    process.exit(1);
  }
}
