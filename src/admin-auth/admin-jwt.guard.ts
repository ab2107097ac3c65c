import { Inject, Injectable } from '@nestjs/common';
import { VerifiesBearerOf } from '../http/routes/bearer-guards.ts';
import { OwnJwtGuard } from '../verification/second-implementation/own-jwt.guard.ts';
import { AdminJwtStrategy } from './admin-jwt.strategy.ts';

/** Used with AdminSurfaceGuard on the bearer routes of the admin surface, except oidcToken, whose bearer is verified in the pipeline. */
@Injectable()
@VerifiesBearerOf('bearer-admin')
export class AdminJwtGuard extends OwnJwtGuard {
  constructor(@Inject(AdminJwtStrategy) strategy: AdminJwtStrategy) {
    super(strategy);
  }
}
