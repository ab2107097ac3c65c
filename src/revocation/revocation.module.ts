import { Module } from '@nestjs/common';
import { ControlPlaneModule } from '../control-plane/control-plane.module.ts';
import { HealthModule } from '../health/health.module.ts';
import { RequestsInFlight } from '../health/requests-in-flight.ts';
import { Metrics } from '../metrics/metrics.ts';
import { TenancyModule } from '../tenancy/tenancy.module.ts';
import { ClientRevocations } from './client-revocations.ts';
import { RevocationWaiters } from './feed/revocation-waiters.ts';
import { RevocationsController } from './feed/revocations.controller.ts';
import { IssueGate } from './issue-gate.ts';
import { RevocationPoller } from './revocation-poller.ts';
import { RevocationRecords } from './revocation-records.ts';
import { RevokedTokens } from './revoked-tokens.ts';
import { Revoker } from './revoker.ts';

/** The list of revocations: polled for this process, and published to verifiers as the feed. */
@Module({
  imports: [ControlPlaneModule, HealthModule, TenancyModule],
  controllers: [RevocationsController],
  providers: [
    RevocationRecords,
    RevocationPoller,
    { provide: RevokedTokens, useExisting: RevocationPoller },
    RevocationWaiters,
    IssueGate,
    ClientRevocations,
    Revoker,
  ],
  exports: [RevokedTokens, IssueGate, Revoker],
})
export class RevocationModule {
  constructor(poller: RevocationPoller, waiters: RevocationWaiters, inFlight: RequestsInFlight, metrics: Metrics) {
    poller.onNews((tenants) => {
      if (tenants === 'all') waiters.releaseAll();
      else waiters.release(tenants);
    });
    // Long polls wait for news. They are released at shutdown, so that they do not delay it.
    inFlight.onDrain(() => {
      waiters.releaseAll();
    });
    metrics.gauge('tessera_revocations', 'Current revocations in memory.', [], () => [
      { labels: {}, value: poller.size },
    ]);
    metrics.gauge('tessera_revocation_followers', 'Requests that wait for the next revocation.', [], () => [
      { labels: {}, value: waiters.count },
    ]);
  }
}
