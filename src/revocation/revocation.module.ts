import { Global, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { CONFIG } from '../config/config-token.ts';
import type { Config } from '../config/config.ts';
import { RequestsInFlight } from '../health/requests-in-flight.ts';
import { issuerOf } from '../domain/issuer.ts';
import { RevokedTokens } from './revoked-tokens.ts';
import { Log } from '../logging/log.ts';
import { Metrics } from '../metrics/metrics.ts';
import { ClientRevocations } from './client-revocations.ts';
import { ControlPlane } from '../control-plane/control-plane.ts';
import { TenantRepository } from '../tenancy/tenant.repository.ts';
import { RevocationRecords } from './revocation-records.ts';
import { Clock } from '../domain/clock.ts';
import { IssueGate } from './issue-gate.ts';
import { RevocationPoller } from './revocation-poller.ts';
import { RevocationWaiters } from './feed/revocation-waiters.ts';
import { RevocationsController } from './feed/revocations.controller.ts';
import { Revoker } from './revoker.ts';

/** What was revoked: followed for this server's own guards, fed to everybody else's. Global, because issuing stands below and asks it. */
@Global()
@Module({
  controllers: [RevocationsController],
  providers: [
    {
      provide: RevocationPoller,
      inject: [CONFIG, RevocationRecords, Clock, Log, Metrics],
      useFactory: (
        { publicUrl, caches }: Config,
        source: RevocationRecords,
        clock: Clock,
        log: Log,
        metrics: Metrics,
      ) => {
        const follower = new RevocationPoller({
          source,
          clock,
          log,
          issuerOf: (tenantId) => issuerOf(publicUrl, tenantId),
          pollMs: caches.changePollMs,
        });
        metrics.gauge('tessera_revocations', 'Revocations of use, in memory.', [], () => [
          { labels: {}, value: follower.size },
        ]);
        return follower;
      },
    },
    { provide: RevokedTokens, useExisting: RevocationPoller },
    {
      provide: RevocationWaiters,
      inject: [RevocationPoller, RequestsInFlight, Metrics],
      useFactory: (follower: RevocationPoller, inFlight: RequestsInFlight, metrics: Metrics) => {
        const waiters = new RevocationWaiters(() => inFlight.draining);
        follower.onNews((tenants) => {
          if (tenants === 'all') waiters.releaseAll();
          else waiters.release(tenants);
        });
        // Held back on purpose, they would hold up the end.
        inFlight.onDrain(() => {
          waiters.releaseAll();
        });
        metrics.gauge('tessera_revocation_followers', 'Requests that wait for the next revocation.', [], () => [
          { labels: {}, value: waiters.count },
        ]);
        return waiters;
      },
    },
    {
      provide: IssueGate,
      inject: [RevocationPoller, TenantRepository, Clock],
      useFactory: (follower: RevocationPoller, tenants: TenantRepository, clock: Clock) =>
        new IssueGate(follower, tenants, clock),
    },
    {
      provide: Revoker,
      inject: [ControlPlane, RevocationPoller],
      useFactory: (controlPlane: ControlPlane, follower: RevocationPoller) =>
        new Revoker(new ClientRevocations(controlPlane), follower),
    },
  ],
  exports: [RevokedTokens, RevocationPoller, IssueGate, Revoker],
})
export class RevocationModule implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #follower: RevocationPoller;

  constructor(follower: RevocationPoller) {
    this.#follower = follower;
  }

  onApplicationBootstrap(): Promise<void> {
    return this.#follower.start();
  }

  onModuleDestroy(): void {
    this.#follower.stop();
  }
}
