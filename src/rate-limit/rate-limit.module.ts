import { Inject, Module } from '@nestjs/common';
import { CONFIG } from '../config/config.ts';
import { Log } from '../logging/log.ts';
import { Metrics } from '../metrics/metrics.ts';
import { FailureLimits } from './failure-limits.ts';
import { LIMIT_EXCHANGE, type LimitExchange } from './limit-exchange.ts';
import { loadLimitExchange } from './load-limit-exchange.ts';

/** Limits on failed attempts, shared through Redis when `REDIS_URL` is set. */
@Module({
  providers: [FailureLimits, { provide: LIMIT_EXCHANGE, inject: [CONFIG, Log], useFactory: loadLimitExchange }],
  exports: [FailureLimits],
})
export class RateLimitModule {
  constructor(limits: FailureLimits, metrics: Metrics, @Inject(LIMIT_EXCHANGE) exchange: LimitExchange | undefined) {
    metrics.gauge(
      'tessera_failure_limit_entries',
      'Keys with failed attempts in memory: sources, clients and their targets.',
      [],
      () => [{ labels: {}, value: limits.size }],
    );
    metrics.gauge('tessera_redis_available', '1 while failed attempts are shared through Redis, else 0.', [], () =>
      exchange === undefined ? [] : [{ labels: {}, value: exchange.available ? 1 : 0 }],
    );
  }
}
