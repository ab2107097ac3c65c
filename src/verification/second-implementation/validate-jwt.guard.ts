import { Inject, Injectable } from '@nestjs/common';
import { VerifiesBearerOf } from '../../http/routes/bearer-guards.ts';
import { OwnJwtGuard } from './own-jwt.guard.ts';
import { ValidateJwtStrategy } from './validate-jwt.strategy.ts';

@Injectable()
@VerifiesBearerOf('bearer-asked')
export class ValidateJwtGuard extends OwnJwtGuard {
  constructor(@Inject(ValidateJwtStrategy) strategy: ValidateJwtStrategy) {
    super(strategy);
  }
}
