import type { VaultAuth, VaultConfig } from '../../src/config/config.ts';
import { Secret } from '../../src/config/secret.ts';
import { Log } from '../../src/logging/log.ts';
import { KvVault } from '../../src/vault/kv/kv-vault.ts';
import { SystemClock } from '../../src/domain/clock.ts';

type KvConfig = Extract<VaultConfig, { kind: 'vault' }>;

export const byToken = (token: string): VaultAuth => ({ method: 'token', token: new Secret(token) });

export const byRole = ({ roleId, secretId }: { roleId: string; secretId: string }): VaultAuth => ({
  method: 'approle',
  roleId,
  secretId: new Secret(secretId),
});

/** The vaults of one suite. Collects their log lines and closes them together. */
export class KvVaults {
  readonly lines: string[] = [];
  readonly #log = new Log('debug', { write: (line: string) => this.lines.push(line) });
  readonly #open = new Set<KvVault>();

  connect(address: string, auth: VaultAuth, changes: Partial<KvConfig> = {}): KvVault {
    const config: KvConfig = {
      kind: 'vault',
      address,
      auth,
      namespace: undefined,
      mount: 'kv',
      timeoutMs: 2_000,
      maxConcurrency: 4,
      ...changes,
    };
    const vault = new KvVault(config, new SystemClock(), this.#log);
    this.#open.add(vault);
    return vault;
  }

  linesWith(event: string): string[] {
    return this.lines.filter((line) => line.includes(`"event":"${event}"`));
  }

  async close(): Promise<void> {
    const vaults = [...this.#open];
    this.#open.clear();
    await Promise.all(vaults.map((vault) => vault.close()));
  }
}
