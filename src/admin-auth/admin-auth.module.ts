import { Module } from '@nestjs/common';
import { TokenGrantsModule } from '../token-grants/token-grants.module.ts';
import { VerificationModule } from '../verification/verification.module.ts';
import { AdminJwtStrategy } from './admin-jwt.strategy.ts';
import { AdminProfileController } from './admin-profile.controller.ts';
import { AdminTokenController } from './admin-token.controller.ts';
import { AdminVerificationController } from './admin-verification.controller.ts';

/** The admin surface: everything below /auth/admin. */
@Module({
  imports: [TokenGrantsModule, VerificationModule],
  controllers: [AdminTokenController, AdminProfileController, AdminVerificationController],
  providers: [AdminJwtStrategy],
})
export class AdminAuthModule {}
