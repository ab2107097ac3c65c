import { type DynamicModule, Global, Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.ts';
import { Clock } from '../domain/clock.ts';
import { Log } from '../logging/log.ts';
import { Metrics } from '../metrics/metrics.ts';

export interface RuntimeContext {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** The only global module: what any class may inject without importing a module. */
@Global()
@Module({})
export class RuntimeModule {
  static with({ config, clock, log, metrics }: RuntimeContext): DynamicModule {
    return {
      module: RuntimeModule,
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: Clock, useValue: clock },
        { provide: Log, useValue: log },
        { provide: Metrics, useValue: metrics },
      ],
      exports: [CONFIG, Clock, Log, Metrics],
    };
  }
}
