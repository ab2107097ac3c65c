import { Controller, Get, Req, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { ProfileDto, profileOf } from '../verification/profile.dto.ts';
import { BEARER_SCHEME } from '../http/openapi/api-docs.ts';
import { ApiProblems } from '../http/problems/api-problems.ts';
import { callerOf } from '../http/request-context.ts';
import { UserSurfaceGuard } from './user-surface.guard.ts';

@ApiTags('Verification')
@UseGuards(UserSurfaceGuard)
@Controller('auth/user')
export class UserProfileController {
  @Get('profile')
  @ApiBearerAuth(BEARER_SCHEME)
  @ApiOperation({
    summary: 'What the presented user token says',
    description: 'The bearer must be a valid access token of the user surface.',
  })
  @ApiOkResponse({ type: ProfileDto })
  @ApiProblems('unauthorized', 'temporarily_unavailable')
  profile(@Req() request: FastifyRequest): ProfileDto {
    return profileOf(callerOf(request));
  }
}
