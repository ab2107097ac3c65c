import { Module } from '@nestjs/common';
import { TokenGrantsModule } from '../token-grants/token-grants.module.ts';
import { VerificationModule } from '../verification/verification.module.ts';
import { UserJwtStrategy } from './user-jwt.strategy.ts';
import { UserProfileController } from './user-profile.controller.ts';
import { UserTokenController } from './user-token.controller.ts';
import { UserVerificationController } from './user-verification.controller.ts';

/** The user surface: everything below /auth/user. */
@Module({
  imports: [TokenGrantsModule, VerificationModule],
  controllers: [UserTokenController, UserProfileController, UserVerificationController],
  providers: [UserJwtStrategy],
})
export class UserAuthModule {}
