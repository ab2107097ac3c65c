import { Inject, Injectable } from '@nestjs/common';
import { OwnJwtGuard } from './own-jwt.guard.ts';
import { ValidateJwtStrategy } from './validate-jwt.strategy.ts';

@Injectable()
export class ValidateJwtGuard extends OwnJwtGuard {
  constructor(@Inject(ValidateJwtStrategy) strategy: ValidateJwtStrategy) {
    super(strategy);
  }
}
