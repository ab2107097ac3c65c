import { Inject, Injectable } from '@nestjs/common';
import { OwnJwtGuard } from '../verification/own-jwt.guard.ts';
import { UserJwtStrategy } from './user-jwt.strategy.ts';

/** Beside UserSurfaceGuard on each route of the user surface that takes a bearer; oidcToken verifies its bearer in the pipeline. */
@Injectable()
export class UserJwtGuard extends OwnJwtGuard {
  constructor(@Inject(UserJwtStrategy) strategy: UserJwtStrategy) {
    super(strategy);
  }
}
