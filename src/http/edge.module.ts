import { type DynamicModule, Module } from '@nestjs/common';
import type { Config } from '../config/config.ts';
import { CONFIG } from '../config/config-token.ts';
import { Log } from '../logging/log.ts';
import { Metrics } from '../metrics/metrics.ts';
import { Clock } from '../domain/clock.ts';
import { FailureLimits } from '../rate-limit/failure-limits.ts';
import type { LimitExchange } from '../rate-limit/limit-exchange.ts';
import { ProbesController } from '../health/probes.controller.ts';
import { Readiness } from '../health/readiness.ts';
import { RequestsInFlight } from '../health/requests-in-flight.ts';

export interface EdgeModuleParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly inFlight: RequestsInFlight;
  /** Absent without `REDIS_URL`. */
  readonly exchange: LimitExchange | undefined;
}

/** What every module may inject without importing it: configuration, time, log, metrics, limits and readiness. */
@Module({})
export class EdgeModule {
  static with(parts: EdgeModuleParts): DynamicModule {
    const { config, clock, log, metrics, inFlight, exchange } = parts;
    const limits = new FailureLimits(config.limits.failuresPerMinute, clock, exchange);
    metrics.gauge('tessera_http_requests_in_flight', 'Requests that wait for their answer.', [], () => [
      { labels: {}, value: inFlight.count },
    ]);
    metrics.gauge(
      'tessera_failure_limit_entries',
      'Sources, clients and what they asked for, with failed attempts in memory.',
      [],
      () => [{ labels: {}, value: limits.size }],
    );
    metrics.gauge('tessera_redis_available', '1 while failed attempts are shared through Redis, else 0.', [], () =>
      exchange === undefined ? [] : [{ labels: {}, value: exchange.available ? 1 : 0 }],
    );
    return {
      module: EdgeModule,
      global: true,
      controllers: [ProbesController],
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: Clock, useValue: clock },
        { provide: Log, useValue: log },
        { provide: Metrics, useValue: metrics },
        { provide: FailureLimits, useValue: limits },
        { provide: RequestsInFlight, useValue: inFlight },
        { provide: Readiness, useValue: new Readiness(clock) },
      ],
      exports: [CONFIG, Clock, Log, Metrics, FailureLimits, RequestsInFlight, Readiness],
    };
  }
}
