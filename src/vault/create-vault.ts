import type { Config } from '../config/config.ts';
import type { Log } from '../logging/log.ts';
import type { Clock } from '../domain/clock.ts';
import { EmbeddedVault } from './embedded/embedded-vault.ts';
import { KvVault } from './kv/kv-vault.ts';
import type { VaultService } from './vault.service.ts';

/** Creates the configured secret store. Uses neither disk nor network before its first use. */
export function createVault(
  config: Pick<Config, 'vault' | 'dataDirectory'>,
  clock: Clock,
  log: Log,
): VaultService & { close(): Promise<void> } {
  const { vault, dataDirectory } = config;
  return vault.kind === 'embedded' ? new EmbeddedVault(dataDirectory) : new KvVault(vault, clock, log);
}
