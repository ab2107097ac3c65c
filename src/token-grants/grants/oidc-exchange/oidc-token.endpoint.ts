import { applyDecorators, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import type { Surface } from '../../../domain/surface.ts';
import { BEARER_SCHEME } from '../../../http/openapi/api-docs.ts';
import { AnswersJsonText } from '../../../http/json-text.ts';
import { ApiTokenProblems } from '../../../http/problems/api-problems.ts';
import { TokenResponseDto } from '../../token-response.dto.ts';
import { OidcTokenDto } from './oidc-token.dto.ts';

/**
 * The route `oidcToken` of a surface, with its entry in the API document.
 *
 * @param subject who logged in, such as `user`
 */
export function OidcTokenEndpoint(
  surface: Surface,
  subject: { readonly a: string; readonly the: string },
): MethodDecorator {
  return applyDecorators(
    Post('oidcToken'),
    HttpCode(200),
    AnswersJsonText(),
    ApiBearerAuth(BEARER_SCHEME),
    ApiOperation({
      summary: `New JWT for ${subject.a} who has logged in at an identity provider`,
      description: `The bearer, a token of the ${surface} surface that did not come from an exchange, fixes tenant, project and client. \`oidc_token\` shows who ${subject.the} is: an ID token, or a JWT access token, of an issuer that the tenant trusts. It can be exchanged only once.`,
    }),
    ApiBody({ type: OidcTokenDto }),
    ApiOkResponse({
      type: TokenResponseDto,
      description: 'The token. Never cached. Expires no later than the OIDC token.',
    }),
    ApiTokenProblems(
      'invalid_request',
      'unauthorized',
      'payload_too_large',
      'unsupported_media_type',
      'too_many_requests',
      'token_too_large',
      'temporarily_unavailable',
    ),
  );
}
