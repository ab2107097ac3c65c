import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG } from '../config/config-token.ts';
import { HealthModule } from '../health/health.module.ts';
import { Readiness } from '../health/readiness.ts';
import { Log } from '../logging/log.ts';
import { CONTROL_DATABASE } from './control-database.ts';
import { ControlPlane, startControlPlane } from './control-plane.ts';

/** The control database. */
@Module({
  imports: [HealthModule],
  providers: [{ provide: ControlPlane, inject: [CONFIG, Log], useFactory: startControlPlane }],
  exports: [ControlPlane],
})
export class ControlPlaneModule implements OnApplicationShutdown {
  readonly #controlPlane: ControlPlane;

  constructor(controlPlane: ControlPlane, readiness: Readiness) {
    this.#controlPlane = controlPlane;
    readiness.require({ name: CONTROL_DATABASE, check: () => controlPlane.check() });
  }

  /** Comes after every `onModuleDestroy`, in which the others write what is left to write. */
  onApplicationShutdown(): Promise<void> {
    return this.#controlPlane.close();
  }
}
