import { Inject, Injectable } from '@nestjs/common';
import type { Surface } from '../domain/surface.ts';
import { OwnJwtStrategy } from '../verification/second-implementation/own-jwt.strategy.ts';
import { SecondVerification } from '../verification/second-implementation/second-verification.ts';

/** The second verification of bearers at the admin surface. */
@Injectable()
export class AdminJwtStrategy extends OwnJwtStrategy {
  constructor(@Inject(SecondVerification) verification: SecondVerification) {
    super(verification);
  }

  override surfaceOf(): Surface {
    return 'admin';
  }
}
