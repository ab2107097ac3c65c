import { Body, Controller, Inject, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { SURFACE_HEALTH, type SurfaceHealth } from '../verification/surface-health.dto.ts';
import { SurfaceHealthEndpoint, VerifyTokenEndpoint } from '../verification/surface.endpoint.ts';
import type { VerifiedTokenAnswer } from '../verification/verified-token.dto.ts';
import { VerifyToken } from '../verification/verify-token.ts';
import { UserSurfaceGuard } from './user-surface.guard.ts';

@ApiTags('Verification')
@UseGuards(UserSurfaceGuard)
@Controller('auth/user')
export class UserVerificationController {
  readonly #verifier: VerifyToken;

  constructor(@Inject(VerifyToken) verifier: VerifyToken) {
    this.#verifier = verifier;
  }

  @VerifyTokenEndpoint('a user token')
  verifyToken(@Body() body: unknown): Promise<VerifiedTokenAnswer> {
    return this.#verifier.answer('user', body);
  }

  @SurfaceHealthEndpoint('user')
  health(): SurfaceHealth {
    return SURFACE_HEALTH;
  }
}
