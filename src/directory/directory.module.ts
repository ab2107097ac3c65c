import { Module } from '@nestjs/common';
import { ControlPlaneModule } from '../control-plane/control-plane.module.ts';
import { Metrics } from '../metrics/metrics.ts';
import { TenancyModule } from '../tenancy/tenancy.module.ts';
import { AdministratorDirectory } from './administrator.directory.ts';
import { CachedSubjectDirectories } from './cached-subject.directories.ts';
import { ServiceDirectory } from './service.directory.ts';
import { UserDirectory } from './user.directory.ts';

/** The subjects of tokens: administrators in the control plane, users in their tenant's own database, services in its configuration. */
@Module({
  imports: [ControlPlaneModule, TenancyModule],
  providers: [AdministratorDirectory, UserDirectory, ServiceDirectory, CachedSubjectDirectories],
  exports: [CachedSubjectDirectories],
})
export class DirectoryModule {
  constructor({ admin, user, service }: CachedSubjectDirectories, metrics: Metrics) {
    metrics.gauge('tessera_grants_cache', 'Cached grants: entries, hits and misses.', ['surface', 'count'], () =>
      Object.entries({ admin, user, service }).flatMap(([surface, cache]) =>
        Object.entries<number>({ ...cache.stats() }).map(([count, value]) => ({
          labels: { surface, count },
          value,
        })),
      ),
    );
  }
}
