import { Module } from '@nestjs/common';
import { CONFIG } from '../config/config-token.ts';
import type { Config } from '../config/config.ts';
import { Metrics } from '../metrics/metrics.ts';
import { ControlPlane } from '../control-plane/control-plane.ts';
import { TenantConnections } from '../tenancy/tenant-connections.ts';
import { Clock } from '../domain/clock.ts';
import { AdministratorDirectory } from './administrator.directory.ts';
import { CachedSubjectDirectory } from './cached-subject.directory.ts';
import type { SubjectDirectories } from './subject.ts';
import { UserDirectory } from './user.directory.ts';

export const SUBJECT_DIRECTORIES = Symbol('SubjectDirectories');

/** Who may be the subject of a token: administrators from the control plane, users from their tenant's own database. */
@Module({
  providers: [
    {
      provide: SUBJECT_DIRECTORIES,
      inject: [CONFIG, ControlPlane, TenantConnections, Clock, Metrics],
      useFactory: (
        { caches }: Config,
        controlPlane: ControlPlane,
        connections: TenantConnections,
        clock: Clock,
        metrics: Metrics,
      ): SubjectDirectories => {
        const admin = new CachedSubjectDirectory(new AdministratorDirectory(controlPlane), clock, caches);
        const user = new CachedSubjectDirectory(new UserDirectory(connections), clock, caches);
        metrics.gauge(
          'tessera_grants_cache',
          'Entries, hits and misses of the grants held in memory.',
          ['surface', 'count'],
          () =>
            Object.entries({ admin, user }).flatMap(([surface, cache]) =>
              Object.entries<number>({ ...cache.stats() }).map(([count, value]) => ({
                labels: { surface, count },
                value,
              })),
            ),
        );
        return { admin, user };
      },
    },
  ],
  exports: [SUBJECT_DIRECTORIES],
})
export class DirectoryModule {}
