import { Inject, Injectable } from '@nestjs/common';
import { VerifiesBearerOf } from '../http/routes/bearer-guards.ts';
import { OwnJwtGuard } from '../verification/second-implementation/own-jwt.guard.ts';
import { UserJwtStrategy } from './user-jwt.strategy.ts';

/** Used with UserSurfaceGuard on the bearer routes of the user surface, except oidcToken, whose bearer is verified in the pipeline. */
@Injectable()
@VerifiesBearerOf('bearer-user')
export class UserJwtGuard extends OwnJwtGuard {
  constructor(@Inject(UserJwtStrategy) strategy: UserJwtStrategy) {
    super(strategy);
  }
}
