import {
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.ts';
import { Clock } from '../domain/clock.ts';
import { HealthModule } from '../health/health.module.ts';
import { Readiness } from '../health/readiness.ts';
import { Log } from '../logging/log.ts';
import { createVault } from './create-vault.ts';
import { vaultReadiness } from './vault-readiness.ts';
import { VaultWatch } from './vault-watch.ts';
import { VaultService } from './vault.service.ts';

/** The one secret store of the process: Vault or OpenBao, or the embedded one. */
@Module({
  imports: [HealthModule],
  providers: [{ provide: VaultService, inject: [CONFIG, Clock, Log], useFactory: createVault }],
  exports: [VaultService],
})
export class VaultModule implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  readonly #vault: ReturnType<typeof createVault>;
  /** Undefined for the embedded store: it has no server to watch. */
  readonly #watch: VaultWatch | undefined;

  constructor(
    @Inject(VaultService) vault: ReturnType<typeof createVault>,
    @Inject(CONFIG) config: Config,
    log: Log,
    readiness: Readiness,
  ) {
    this.#vault = vault;
    this.#watch = config.vault.kind === 'vault' ? new VaultWatch(vault, log) : undefined;
    readiness.require(vaultReadiness(vault));
  }

  onApplicationBootstrap(): void {
    this.#watch?.start();
  }

  onModuleDestroy(): void {
    void this.#watch?.stop();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#watch?.stop();
    await this.#vault.close();
  }
}
