import { type DynamicModule, type ModuleMetadata, Module } from '@nestjs/common';
import { ModulesContainer, NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Config } from '../config/config.ts';
import { Log } from '../logging/log.ts';
import { RuntimeModule } from '../runtime/runtime.module.ts';
import { Metrics } from '../metrics/metrics.ts';
import type { Clock } from '../domain/clock.ts';
import { serveApiDocs } from './openapi/api-docs.ts';
import { assertBearerRowsAreGuarded } from './routes/bearer-guards.ts';
import { BearerAuthenticator } from './routes/bearer-authenticator.ts';
import { Edge } from './edge.ts';
import { createHttpAdapter } from './http-adapter.ts';
import { loadTracing } from './tracing/load-tracing.ts';
import { ProblemFilter } from './problems/problem.filter.ts';
import { HealthModule } from '../health/health.module.ts';
import { RequestsInFlight } from '../health/requests-in-flight.ts';
import { RouteGuard } from './routes/route-guard.ts';
import { RouteRegistry } from './routes/route-registry.ts';
import { API_DOCS_ROUTES, type RouteRow } from './routes/route-table.ts';
import { SourceAddresses } from './origin/source-address.ts';
import { UnlistedProxyWarning } from './origin/unlisted-proxy-warning.ts';

export interface EdgeAppOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly routes: readonly RouteRow[];
  /** The modules that serve the routes. */
  readonly imports: NonNullable<ModuleMetadata['imports']>;
}

@Module({})
class RootModule {}

/**
 * Builds a Nest application from the given modules, with the edge before them. `createApp` passes the service's own modules.
 *
 * @throws Error if a route has no row in the table, a row has no route, or the handler of a bearer row has no second guard
 */
export async function createEdgeApp(options: EdgeAppOptions): Promise<NestFastifyApplication> {
  const { config, clock, log } = options;
  const metrics = new Metrics();
  const sources = new SourceAddresses(config.trustedProxies, new UnlistedProxyWarning(log, clock));
  const registry = new RouteRegistry(
    config.apiDocs ? options.routes : options.routes.filter((row) => !API_DOCS_ROUTES.includes(row)),
  );
  const tracing = await loadTracing(config);
  const root: DynamicModule = {
    module: RootModule,
    imports: [RuntimeModule.with({ config, clock, log, metrics }), HealthModule, ...options.imports],
  };
  // The adapter is created before the container, and the edge after it. No request arrives before both exist.
  let edge: Edge | undefined;
  const adapter = createHttpAdapter(sources, metrics, () => edge);
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- Nest declares its options as a class and accepts literals.
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    // Nest's log lines quote errors and URLs. What matters is logged through Log.
    logger: false,
    bodyParser: false,
    abortOnError: false,
  });
  try {
    const fastify = app.getHttpAdapter().getInstance();
    const inFlight = app.get(RequestsInFlight, { strict: false });
    edge = new Edge({ publicUrl: config.publicUrl, registry, sources, inFlight, log, metrics, tracing });
    edge.install(fastify, new RouteGuard(config.metricsNetworks, bearersOf(app)));
    if (tracing !== undefined) fastify.addHook('onClose', () => tracing.close());
    app.useGlobalFilters(new ProblemFilter());
    if (config.apiDocs) serveApiDocs(app, { publicUrl: config.publicUrl, routes: options.routes });
    await app.init();
    await fastify.ready();
    registry.assertComplete();
    assertBearerRowsAreGuarded(options.routes, app.get(ModulesContainer));
  } catch (error) {
    // Connections that providers have opened would keep the process alive.
    await app.close().catch(() => undefined);
    throw error;
  }
  return app;
}

/** Provided by the module that has the keys. A table without bearer rows needs none. */
function bearersOf(app: NestFastifyApplication): BearerAuthenticator | undefined {
  try {
    return app.get(BearerAuthenticator, { strict: false });
  } catch {
    return undefined;
  }
}
