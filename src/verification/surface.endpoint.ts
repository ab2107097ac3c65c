import { applyDecorators, Get, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import type { Surface } from '../domain/surface.ts';
import { BEARER_SCHEME } from '../http/openapi/api-docs.ts';
import { ApiProblems } from '../http/problems/api-problems.ts';
import { ProfileDto } from './profile.dto.ts';
import { SurfaceHealth } from './surface-health.dto.ts';
import { VerifyTokenDto } from './token-status/token-status.dto.ts';
import { VERIFIED_TOKEN_SCHEMA } from './verified-token.dto.ts';

/** The route `profile` of a surface, with its entry in the API document. */
export function ProfileEndpoint(surface: Surface): MethodDecorator {
  return applyDecorators(
    Get('profile'),
    ApiBearerAuth(BEARER_SCHEME),
    ApiOperation({
      summary: `The claims of the presented ${surface} token`,
      description: `The bearer must be a valid access token of the ${surface} surface.`,
    }),
    ApiOkResponse({ type: ProfileDto, description: 'The claims.' }),
    ApiProblems('unauthorized', 'temporarily_unavailable'),
  );
}

/** The route `verifyToken` of a surface, with its entry in the API document. */
export function VerifyTokenEndpoint(token: string): MethodDecorator {
  return applyDecorators(
    Post('verifyToken'),
    HttpCode(200),
    ApiOperation({
      summary: `The claims of ${token}, if it is valid`,
      description: 'A token that is not valid is a 401, and so is a token of another surface.',
    }),
    ApiBody({ type: VerifyTokenDto }),
    ApiOkResponse({ description: 'The token is valid. Its claims.', schema: VERIFIED_TOKEN_SCHEMA }),
    ApiProblems(
      'invalid_request',
      'unauthorized',
      'payload_too_large',
      'unsupported_media_type',
      'temporarily_unavailable',
    ),
  );
}

/** The route `health` of a surface, with its entry in the API document. */
export function SurfaceHealthEndpoint(surface: Surface): MethodDecorator {
  return applyDecorators(
    Get('health'),
    ApiOperation({
      summary: `The ${surface} surface is available`,
      description: 'Checks no dependency; `/readyz` does.',
    }),
    ApiOkResponse({ type: SurfaceHealth }),
  );
}
