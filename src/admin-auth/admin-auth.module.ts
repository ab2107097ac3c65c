import { Module } from '@nestjs/common';
import { AdmissionModule } from '../admission/admission.module.ts';
import { FederationModule } from '../federation/federation.module.ts';
import { VerificationModule } from '../verification/verification.module.ts';
import { AdminProfileController } from './admin-profile.controller.ts';
import { AdminTokenController } from './admin-token.controller.ts';
import { AdminVerificationController } from './admin-verification.controller.ts';

/** The admin surface: everything below /auth/admin. */
@Module({
  imports: [AdmissionModule, FederationModule, VerificationModule],
  controllers: [AdminTokenController, AdminProfileController, AdminVerificationController],
})
export class AdminAuthModule {}
