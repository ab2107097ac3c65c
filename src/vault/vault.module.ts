import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG } from '../config/config-token.ts';
import type { Config } from '../config/config.ts';
import { Readiness } from '../http/readiness.ts';
import { Log } from '../log/log.ts';
import { Clock } from '../vocabulary/clock.ts';
import { createVault } from './create-vault.ts';
import { vaultReadiness } from './vault-readiness.ts';
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
export class VaultModule implements OnApplicationShutdown {
  readonly #vault: ReturnType<typeof createVault>;

  constructor(@Inject(VaultService) vault: ReturnType<typeof createVault>) {
    this.#vault = vault;
  }

  onApplicationShutdown(): Promise<void> {
    return this.#vault.close();
  }
}
