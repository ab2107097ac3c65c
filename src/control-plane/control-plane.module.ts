import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import type { DataSourceOptions } from 'typeorm';
import { CONFIG, type Config } from '../config/config.ts';
import { HealthModule } from '../health/health.module.ts';
import { Readiness } from '../health/readiness.ts';
import { ControlCheckpoints } from './control-checkpoints.ts';
import { CONTROL_DATABASE, createControlDataSource } from './control-database.ts';
import { ControlPlane, prepareControlPlane } from './control-plane.ts';

/** The options that TypeOrmModule passes from `useFactory` to `dataSourceFactory`. */
type ControlModuleOptions = TypeOrmModuleOptions & { readonly config: Config };

/**
 * The control database. TypeOrmModule owns its DataSource and closes it, after every `onModuleDestroy` and before other modules' `onApplicationShutdown`:
 * a provider that writes at shutdown does so in `onModuleDestroy`. `forFeature` and injected repositories are for rows that no request waits for; what is read
 * or written for a request goes through `ControlPlane.query`, which uses prepared statements.
 */
@Module({
  imports: [
    HealthModule,
    TypeOrmModule.forRootAsync({
      inject: [CONFIG],
      // By default, TypeOrmModule tries ten times and then fails the start. A server must start without its database, and ControlPlane opens it in
      // the background.
      useFactory: (config: Config): ControlModuleOptions => ({ manualInitialization: true, retryAttempts: 1, config }),
      dataSourceFactory: (options?: DataSourceOptions) =>
        createControlDataSource((options as unknown as ControlModuleOptions).config),
    }),
  ],
  providers: [ControlPlane, ControlCheckpoints],
  exports: [ControlPlane],
})
export class ControlPlaneModule implements OnModuleInit {
  readonly #controlPlane: ControlPlane;
  readonly #config: Config;

  constructor(controlPlane: ControlPlane, @Inject(CONFIG) config: Config, readiness: Readiness) {
    this.#controlPlane = controlPlane;
    this.#config = config;
    readiness.require({ name: CONTROL_DATABASE, check: () => controlPlane.check() });
  }

  onModuleInit(): Promise<void> {
    return prepareControlPlane(this.#controlPlane, this.#config);
  }
}
