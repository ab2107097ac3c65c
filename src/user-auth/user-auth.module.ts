import { Module } from '@nestjs/common';
import { AdmissionModule } from '../admission/admission.module.ts';
import { FederationModule } from '../federation/federation.module.ts';
import { VerificationModule } from '../verification/verification.module.ts';
import { UserProfileController } from './user-profile.controller.ts';
import { UserTokenController } from './user-token.controller.ts';
import { UserVerificationController } from './user-verification.controller.ts';

/** The user surface: everything below /auth/user. */
@Module({
  imports: [AdmissionModule, FederationModule, VerificationModule],
  controllers: [UserTokenController, UserProfileController, UserVerificationController],
})
export class UserAuthModule {}
