import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type CachesConfig } from '../config/config.ts';
import { Clock } from '../domain/clock.ts';
import { AdministratorDirectory } from './administrator.directory.ts';
import { CachedSubjectDirectory } from './cached-subject.directory.ts';
import { ServiceDirectory } from './service.directory.ts';
import type { SubjectDirectories } from './subject.ts';
import { UserDirectory } from './user.directory.ts';

/** The directory of each surface, with a cache for each: administrators, users and services are never looked up in each other's directory. */
@Injectable()
export class CachedSubjectDirectories implements SubjectDirectories {
  readonly admin: CachedSubjectDirectory;
  readonly user: CachedSubjectDirectory;
  readonly service: CachedSubjectDirectory;

  constructor(
    administrators: AdministratorDirectory,
    users: UserDirectory,
    services: ServiceDirectory,
    clock: Clock,
    @Inject(CONFIG) { caches }: { readonly caches: Pick<CachesConfig, 'grantsSeconds' | 'grantsEntries'> },
  ) {
    this.admin = new CachedSubjectDirectory(administrators, clock, caches);
    this.user = new CachedSubjectDirectory(users, clock, caches);
    this.service = new CachedSubjectDirectory(services, clock, caches);
  }
}
