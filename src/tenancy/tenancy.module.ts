import {
  Global,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import { AuditStore } from '../audit/audit-record.ts';
import { ReplayProtection } from '../replay/replay-protection.ts';
import { CONFIG } from '../config/config-token.ts';
import type { Config } from '../config/config.ts';
import { Readiness } from '../health/readiness.ts';
import { Log } from '../logging/log.ts';
import { Metrics } from '../metrics/metrics.ts';
import { VaultService } from '../vault/vault.service.ts';
import { Clock } from '../domain/clock.ts';
import { AuditRetention } from '../audit/audit-retention.ts';
import { ChangePoller } from './change-poller.ts';
import { warnOfConnectionBudget } from './connection-budget.ts';
import { CONTROL_DATABASE } from '../control-plane/control-database.ts';
import { ControlPlaneAuditStore } from '../audit/control-plane-audit.store.ts';
import { ControlPlane, startControlPlane } from '../control-plane/control-plane.ts';
import { RevocationRecords } from '../revocation/revocation-records.ts';
import { SecretUses } from '../clients/secret-uses.ts';
import { RedeemedTokens } from '../replay/redeemed-tokens.ts';
import { TenantConnections } from './tenant-connections.ts';
import { TenantDatabaseOpener } from './tenant-database.ts';
import { TenantRepository } from './tenant.repository.ts';

/** The control plane and the connections to the tenants' databases. */
@Global()
@Module({
  providers: [
    {
      provide: ControlPlane,
      inject: [CONFIG, Log, Readiness],
      useFactory: async (config: Config, log: Log, readiness: Readiness) => {
        const controlPlane = await startControlPlane(config, log);
        await warnOfConnectionBudget(config, controlPlane, log);
        readiness.require({ name: CONTROL_DATABASE, check: () => controlPlane.check() });
        return controlPlane;
      },
    },
    {
      provide: TenantRepository,
      inject: [CONFIG, ControlPlane, Clock],
      useFactory: ({ caches }: Config, controlPlane: ControlPlane, clock: Clock) =>
        new TenantRepository(controlPlane, clock, caches),
    },
    {
      provide: ChangePoller,
      inject: [CONFIG, ControlPlane, TenantRepository, Log],
      useFactory: ({ caches }: Config, controlPlane: ControlPlane, tenants: TenantRepository, log: Log) =>
        new ChangePoller(controlPlane, tenants, log, caches),
    },
    {
      provide: ControlPlaneAuditStore,
      inject: [ControlPlane, Readiness],
      useFactory: (controlPlane: ControlPlane, readiness: Readiness) => {
        const store = new ControlPlaneAuditStore(controlPlane);
        readiness.require({ name: 'audit', check: () => store.check() });
        return store;
      },
    },
    { provide: AuditStore, useExisting: ControlPlaneAuditStore },
    {
      provide: AuditRetention,
      inject: [CONFIG, ControlPlaneAuditStore, Clock, Log],
      useFactory: ({ audit }: Config, store: ControlPlaneAuditStore, clock: Clock, log: Log) =>
        new AuditRetention(store, clock, log, audit),
    },
    {
      provide: RedeemedTokens,
      inject: [ControlPlane, Clock, Log],
      useFactory: (controlPlane: ControlPlane, clock: Clock, log: Log) => new RedeemedTokens(controlPlane, clock, log),
    },
    { provide: ReplayProtection, useExisting: RedeemedTokens },
    {
      provide: RevocationRecords,
      inject: [ControlPlane],
      useFactory: (controlPlane: ControlPlane) => new RevocationRecords(controlPlane),
    },
    {
      provide: SecretUses,
      inject: [ControlPlane, Log],
      useFactory: (controlPlane: ControlPlane, log: Log) => new SecretUses(controlPlane, log),
    },
    {
      provide: TenantConnections,
      inject: [CONFIG, VaultService, Clock, Metrics],
      useFactory: (config: Config, vault: VaultService, clock: Clock, metrics: Metrics) => {
        const opener = new TenantDatabaseOpener(config, vault, clock);
        const connections = new TenantConnections((tenant) => opener.open(tenant), clock, config.connections);
        metrics.gauge(
          'tessera_tenant_connections',
          'Pools, connections, leases and waiting requests of tenant databases.',
          ['state'],
          () =>
            Object.entries<number>({ ...connections.stats }).map(([state, value]) => ({ labels: { state }, value })),
        );
        return connections;
      },
    },
  ],
  exports: [
    ControlPlane,
    TenantRepository,
    ChangePoller,
    AuditStore,
    ReplayProtection,
    RevocationRecords,
    SecretUses,
    TenantConnections,
  ],
})
export class TenancyModule implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  readonly #controlPlane: ControlPlane;
  readonly #connections: TenantConnections;
  readonly #follower: ChangePoller;
  readonly #retention: AuditRetention;
  readonly #secretUses: SecretUses;
  readonly #spentTokens: RedeemedTokens;

  constructor(
    controlPlane: ControlPlane,
    connections: TenantConnections,
    follower: ChangePoller,
    retention: AuditRetention,
    secretUses: SecretUses,
    spentTokens: RedeemedTokens,
  ) {
    this.#controlPlane = controlPlane;
    this.#connections = connections;
    this.#follower = follower;
    this.#retention = retention;
    this.#secretUses = secretUses;
    this.#spentTokens = spentTokens;
  }

  onApplicationBootstrap(): void {
    this.#follower.start();
    this.#retention.start();
    this.#secretUses.start();
    this.#spentTokens.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.#follower.stop();
    this.#retention.stop();
    this.#spentTokens.stop();
    await this.#secretUses.close();
  }

  /** After everybody has written what was still to be written. */
  async onApplicationShutdown(): Promise<void> {
    await this.#connections.close();
    await this.#controlPlane.close();
  }
}
