import { Controller, Req, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { callerOf } from '../http/request-context.ts';
import { type ProfileDto, profileOf } from '../verification/profile.dto.ts';
import { ProfileEndpoint } from '../verification/surface.endpoint.ts';
import { UserJwtGuard } from './user-jwt.guard.ts';
import { UserSurfaceGuard } from './user-surface.guard.ts';

@ApiTags('Verification')
@UseGuards(UserSurfaceGuard, UserJwtGuard)
@Controller('auth/user')
export class UserProfileController {
  @ProfileEndpoint('user')
  profile(@Req() request: FastifyRequest): ProfileDto {
    return profileOf(callerOf(request));
  }
}
