import { Body, Controller, Inject, Req, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { ProbeAnswer } from '../health/probes.controller.ts';
import { contextOf } from '../http/request-context.ts';
import type { ActiveToken, InactiveToken } from '../verification/token-status/active-token.ts';
import { SurfaceHealthEndpoint, VerifyTokenEndpoint } from '../verification/surface.endpoint.ts';
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
  verifyToken(@Body() body: unknown, @Req() request: FastifyRequest): Promise<ActiveToken | InactiveToken> {
    return this.#verifier.answer('admin', body, contextOf(request));
  }

  @SurfaceHealthEndpoint('admin')
  health(): ProbeAnswer {
    return new ProbeAnswer();
  }
}
