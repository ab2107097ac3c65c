import { Body, Controller, Inject, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { SURFACE_HEALTH, type SurfaceHealth } from '../verification/surface-health.dto.ts';
import { SurfaceHealthEndpoint, VerifyTokenEndpoint } from '../verification/surface.endpoint.ts';
import type { VerifiedTokenAnswer } from '../verification/verified-token.dto.ts';
import { VerifyToken } from '../verification/verify-token.ts';
import { AdminSurfaceGuard } from './admin-surface.guard.ts';

@ApiTags('Verification')
@UseGuards(AdminSurfaceGuard)
@Controller('auth/admin')
export class AdminVerificationController {
  readonly #verifier: VerifyToken;

  constructor(@Inject(VerifyToken) verifier: VerifyToken) {
    this.#verifier = verifier;
  }

  @VerifyTokenEndpoint('an admin token')
  verifyToken(@Body() body: unknown): Promise<VerifiedTokenAnswer> {
    return this.#verifier.answer('admin', body);
  }

  @SurfaceHealthEndpoint('admin')
  health(): SurfaceHealth {
    return SURFACE_HEALTH;
  }
}
