import { Global, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { CONFIG } from '../config/config-token.ts';
import type { Config } from '../config/config.ts';
import { RequestsInFlight } from '../http/requests-in-flight.ts';
import { issuerOf } from '../issuing/claims.ts';
import { RevokedTokens } from '../issuing/revoked-tokens.ts';
import { Log } from '../log/log.ts';
import { Metrics } from '../metrics/metrics.ts';
import { ClientRevocations } from '../tenancy/client-revocations.ts';
import { ControlPlane } from '../tenancy/control-plane.ts';
import { TenantRepository } from '../tenancy/tenant.repository.ts';
import { RevocationRecords } from '../tenancy/revocation-records.ts';
import { Clock } from '../vocabulary/clock.ts';
import { IssueGate } from './issue-gate.ts';
import { RevocationFollower } from './revocation-follower.ts';
import { RevocationWaiters } from './revocation-waiters.ts';
import { RevocationsController } from './revocations.controller.ts';
import { Revoker } from './revoker.ts';

/** What was revoked: followed for this server's own guards, fed to everybody else's. Global, because issuing stands below and asks it. */
@Global()
@Module({
  controllers: [RevocationsController],
  providers: [
    {
      provide: RevocationFollower,
      inject: [CONFIG, RevocationRecords, Clock, Log, Metrics],
      useFactory: (
        { publicUrl, caches }: Config,
        source: RevocationRecords,
        clock: Clock,
        log: Log,
        metrics: Metrics,
      ) => {
        const follower = new RevocationFollower({
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
    { provide: RevokedTokens, useExisting: RevocationFollower },
    {
      provide: RevocationWaiters,
      inject: [RevocationFollower, RequestsInFlight, Metrics],
      useFactory: (follower: RevocationFollower, inFlight: RequestsInFlight, metrics: Metrics) => {
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
      inject: [RevocationFollower, TenantRepository, Clock],
      useFactory: (follower: RevocationFollower, tenants: TenantRepository, clock: Clock) =>
        new IssueGate(follower, tenants, clock),
    },
    {
      provide: Revoker,
      inject: [ControlPlane, RevocationFollower],
      useFactory: (controlPlane: ControlPlane, follower: RevocationFollower) =>
        new Revoker(new ClientRevocations(controlPlane), follower),
    },
  ],
  exports: [RevokedTokens, RevocationFollower, IssueGate, Revoker],
})
export class RevocationModule implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #follower: RevocationFollower;

  constructor(follower: RevocationFollower) {
    this.#follower = follower;
  }

  onApplicationBootstrap(): Promise<void> {
    return this.#follower.start();
  }

  onModuleDestroy(): void {
    this.#follower.stop();
  }
}
