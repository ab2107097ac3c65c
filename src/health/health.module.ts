import { Module } from '@nestjs/common';
import { Metrics } from '../metrics/metrics.ts';
import { ProbesController } from './probes.controller.ts';
import { Readiness } from './readiness.ts';
import { RequestsInFlight } from './requests-in-flight.ts';

/** Probes and shutdown. Modules register the dependencies of every request with `Readiness`. */
@Module({
  controllers: [ProbesController],
  providers: [Readiness, RequestsInFlight],
  exports: [Readiness, RequestsInFlight],
})
export class HealthModule {
  constructor(inFlight: RequestsInFlight, metrics: Metrics) {
    metrics.gauge('tessera_http_requests_in_flight', 'Requests that have not been answered yet.', [], () => [
      { labels: {}, value: inFlight.count },
    ]);
  }
}
