import { Body, Controller, Inject, Req, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { ProbeAnswer } from '../health/probes.controller.ts';
import { contextOf } from '../http/request-context.ts';
import type { ActiveToken, InactiveToken } from '../verification/token-status/active-token.ts';
import { SurfaceHealthEndpoint, VerifyTokenEndpoint } from '../verification/surface.endpoint.ts';
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
  verifyToken(@Body() body: unknown, @Req() request: FastifyRequest): Promise<ActiveToken | InactiveToken> {
    return this.#verifier.answer('user', body, contextOf(request));
  }

  @SurfaceHealthEndpoint('user')
  health(): ProbeAnswer {
    return new ProbeAnswer();
  }
}
