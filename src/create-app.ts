import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { DestinationStream } from 'pino';
import { APP_MODULES } from './app.module.ts';
import type { Config } from './config/config.ts';
import { createEdgeApp } from './http/edge-app.ts';
import { ROUTE_TABLE } from './http/routes/route-table.ts';
import { Log } from './logging/log.ts';
import { standardOutput } from './logging/standard-output.ts';

import { type Clock, SystemClock } from './domain/clock.ts';

export interface CreateAppOptions {
  readonly config: Config;
  /** Default: the system clock. */
  readonly clock?: Clock;
  /** Where log lines go. Default: standard output. */
  readonly logDestination?: DestinationStream;
}

/** Builds the application, initialized but not yet listening. The server and every test that speaks HTTP use this one function. */
export function createApp(options: CreateAppOptions): Promise<NestFastifyApplication> {
  return createEdgeApp({
    config: options.config,
    clock: options.clock ?? new SystemClock(),
    log: new Log(options.config.logLevel, options.logDestination ?? standardOutput()),
    routes: ROUTE_TABLE,
    imports: APP_MODULES,
  });
}
