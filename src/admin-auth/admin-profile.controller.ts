import { Controller, Req, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { callerOf } from '../http/request-context.ts';
import { type ProfileDto, profileOf } from '../verification/profile.dto.ts';
import { ProfileEndpoint } from '../verification/surface.endpoint.ts';
import { AdminJwtGuard } from './admin-jwt.guard.ts';
import { AdminSurfaceGuard } from './admin-surface.guard.ts';

@ApiTags('Verification')
@UseGuards(AdminSurfaceGuard, AdminJwtGuard)
@Controller('auth/admin')
export class AdminProfileController {
  @ProfileEndpoint('admin')
  profile(@Req() request: FastifyRequest): ProfileDto {
    return profileOf(callerOf(request));
  }
}
