import { Inject, Injectable } from '@nestjs/common';
import { OwnJwtGuard } from '../verification/own-jwt.guard.ts';
import { AdminJwtStrategy } from './admin-jwt.strategy.ts';

/** Beside AdminSurfaceGuard on each route of the admin surface that takes a bearer; oidcToken verifies its bearer in the pipeline. */
@Injectable()
export class AdminJwtGuard extends OwnJwtGuard {
  constructor(@Inject(AdminJwtStrategy) strategy: AdminJwtStrategy) {
    super(strategy);
  }
}
