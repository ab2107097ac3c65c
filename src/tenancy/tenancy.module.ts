import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.ts';
import { ControlPlane } from '../control-plane/control-plane.ts';
import { ControlPlaneModule } from '../control-plane/control-plane.module.ts';
import { Log } from '../logging/log.ts';
import { Metrics } from '../metrics/metrics.ts';
import { VaultModule } from '../vault/vault.module.ts';
import { ChangePoller } from './change-poller.ts';
import { warnOfConnectionBudget } from './connection-budget.ts';
import { TenantConnections } from './tenant-connections.ts';
import { TenantDatabaseOpener } from './tenant-database.ts';
import { TenantRepository } from './tenant.repository.ts';

/** The tenants of the control plane, and the connections to their own databases. */
@Module({
  imports: [ControlPlaneModule, VaultModule],
  providers: [TenantRepository, ChangePoller, TenantDatabaseOpener, TenantConnections],
  exports: [TenantRepository, TenantConnections],
})
export class TenancyModule implements OnModuleInit {
  readonly #config: Config;
  readonly #controlPlane: ControlPlane;
  readonly #log: Log;

  constructor(
    @Inject(CONFIG) config: Config,
    controlPlane: ControlPlane,
    connections: TenantConnections,
    log: Log,
    metrics: Metrics,
  ) {
    this.#config = config;
    this.#controlPlane = controlPlane;
    this.#log = log;
    metrics.gauge(
      'tessera_tenant_connections',
      'Pools, connections, leases and waiting requests of tenant databases.',
      ['state'],
      () => Object.entries<number>({ ...connections.stats }).map(([state, value]) => ({ labels: { state }, value })),
    );
  }

  onModuleInit(): Promise<void> {
    return warnOfConnectionBudget(this.#config, this.#controlPlane, this.#log);
  }
}
