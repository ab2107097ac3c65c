import { Controller, Get, Req, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { ProfileDto, profileOf } from '../verification/profile.dto.ts';
import { BEARER_SCHEME } from '../http/openapi/api-docs.ts';
import { ApiProblems } from '../http/problems/api-problems.ts';
import { callerOf } from '../http/request-context.ts';
import { AdminSurfaceGuard } from './admin-surface.guard.ts';

@ApiTags('Verification')
@UseGuards(AdminSurfaceGuard)
@Controller('auth/admin')
export class AdminProfileController {
  @Get('profile')
  @ApiBearerAuth(BEARER_SCHEME)
  @ApiOperation({
    summary: 'What the presented admin token says',
    description: 'The bearer must be a valid access token of the admin surface.',
  })
  @ApiOkResponse({ type: ProfileDto })
  @ApiProblems('unauthorized', 'temporarily_unavailable')
  profile(@Req() request: FastifyRequest): ProfileDto {
    return profileOf(callerOf(request));
  }
}
