import { Body, Controller, Get, HttpCode, Inject, Post, Req, UseGuards } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { ApiProblems } from '../http/problems/api-problems.ts';
import { ProbeAnswer } from '../health/probes.controller.ts';
import { contextOf } from '../http/request-context.ts';
import type { ActiveToken, InactiveToken } from '../verification/active-token.ts';
import { TOKEN_STATUS_SCHEMA, VerifyTokenDto } from '../verification/token-status.dto.ts';
import { VerifyToken } from '../verification/verify-token.ts';
import { AdminSurfaceGuard } from './admin-surface.guard.ts';

@ApiTags('Verification')
@UseGuards(AdminSurfaceGuard)
@Controller('auth/admin')
export class AdminVerificationController {
  readonly #door: VerifyToken;

  constructor(@Inject(VerifyToken) door: VerifyToken) {
    this.#door = door;
  }

  @Post('verifyToken')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Whether an admin token is good, and what it says',
    description: 'A token of the other surface is not active here.',
  })
  @ApiBody({ type: VerifyTokenDto })
  @ApiOkResponse({ description: 'The verdict, with the claims of an active token.', schema: TOKEN_STATUS_SCHEMA })
  @ApiProblems('invalid_request', 'payload_too_large', 'unsupported_media_type', 'temporarily_unavailable')
  verifyToken(@Body() body: unknown, @Req() request: FastifyRequest): Promise<ActiveToken | InactiveToken> {
    return this.#door.answer('admin', body, contextOf(request));
  }

  @Get('health')
  @ApiOperation({ summary: 'The admin surface is there', description: 'Asks no dependency; `/readyz` does.' })
  @ApiOkResponse({ type: ProbeAnswer })
  health(): ProbeAnswer {
    return new ProbeAnswer();
  }
}
