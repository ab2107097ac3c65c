import { applyDecorators, HttpCode, Post } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { ApiTokenProblems } from '../../../http/problems/api-problems.ts';
import { TokenResponseDto } from '../../token-response.dto.ts';
import { GenerateTokenDto } from './generate-token.dto.ts';

/** The route `generateToken` of a surface, with its entry in the API document. */
export function GenerateTokenEndpoint(description: {
  readonly summary: string;
  readonly description: string;
}): MethodDecorator {
  return applyDecorators(
    Post('generateToken'),
    HttpCode(200),
    ApiOperation(description),
    ApiBody({ type: GenerateTokenDto }),
    ApiOkResponse({ type: TokenResponseDto, description: 'The token. Never cached.' }),
    ApiTokenProblems(
      'invalid_request',
      'unauthorized',
      'client_not_found',
      'payload_too_large',
      'unsupported_media_type',
      'too_many_requests',
      'token_too_large',
      'temporarily_unavailable',
    ),
  );
}
