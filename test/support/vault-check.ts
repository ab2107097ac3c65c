/**
 * A process that asks the configured vault whether it can serve, prints the answer and does not close anything: it must end by itself.
 *
 *     node --import ./scripts/typescript.mjs test/support/vault-check.ts
 */
import { loadConfig } from '../../src/config/load-config.ts';
import { TesseraError } from '../../src/errors/tessera-error.ts';
import { Log } from '../../src/logging/log.ts';
import { createVault } from '../../src/vault/create-vault.ts';
import { SystemClock } from '../../src/domain/clock.ts';

// A folder without a `.env`: only what the test gave counts.
const config = loadConfig(process.env, { cwd: import.meta.dirname });
const vault = createVault(config, new SystemClock(), new Log('silent', process.stderr));
try {
  await vault.check();
  console.log('it can serve');
} catch (error) {
  console.log(error instanceof TesseraError ? error.reason : String(error));
}
