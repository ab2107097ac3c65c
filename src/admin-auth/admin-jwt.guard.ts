import { Inject, Injectable } from '@nestjs/common';
import { OwnJwtGuard } from '../verification/second-implementation/own-jwt.guard.ts';
import { AdminJwtStrategy } from './admin-jwt.strategy.ts';

/** Used with AdminSurfaceGuard on the bearer routes of the admin surface, except oidcToken, whose bearer is verified in the pipeline. */
@Injectable()
export class AdminJwtGuard extends OwnJwtGuard {
  constructor(@Inject(AdminJwtStrategy) strategy: AdminJwtStrategy) {
    super(strategy);
  }
}
