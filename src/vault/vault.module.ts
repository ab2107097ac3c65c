import {
  Global,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { CONFIG } from '../config/config-token.ts';
import type { Config } from '../config/config.ts';
import { Readiness } from '../health/readiness.ts';
import { Log } from '../logging/log.ts';
import { Clock } from '../domain/clock.ts';
import { createVault } from './create-vault.ts';
import { vaultReadiness } from './vault-readiness.ts';
import { VaultWatch } from './vault-watch.ts';
import { VaultService } from './vault.service.ts';

/** The one secret store of the process. */
@Global()
@Module({
  providers: [
    {
      provide: VaultService,
      inject: [CONFIG, Clock, Log, Readiness],
      useFactory: (config: Config, clock: Clock, log: Log, readiness: Readiness) => {
        const vault = createVault(config, clock, log);
        readiness.require(vaultReadiness(vault));
        return vault;
      },
    },
  ],
  exports: [VaultService],
})
export class VaultModule implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  readonly #vault: ReturnType<typeof createVault>;
  /** The embedded store is files: there is nothing that comes back. */
  readonly #watch: VaultWatch | undefined;

  constructor(
    @Inject(VaultService) vault: ReturnType<typeof createVault>,
    @Inject(CONFIG) config: Config,
    @Inject(Log) log: Log,
  ) {
    this.#vault = vault;
    this.#watch = config.vault.kind === 'vault' ? new VaultWatch(vault, log) : undefined;
  }

  onApplicationBootstrap(): void {
    this.#watch?.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.#watch?.stop();
  }

  onApplicationShutdown(): Promise<void> {
    return this.#vault.close();
  }
}
