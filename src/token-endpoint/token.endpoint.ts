import { applyDecorators, HttpCode, Post } from '@nestjs/common';
import {
  ApiBasicAuth,
  ApiBody,
  ApiConsumes,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiSecurity,
} from '@nestjs/swagger';
import { CLIENT_SCHEME } from '../http/openapi/api-docs.ts';
import { AnswersJsonText } from '../http/json-text.ts';
import { ApiOAuthErrors } from '../http/problems/api-oauth-errors.ts';
import { ApiUnknownTenant } from '../http/problems/api-problems.ts';
import { FormTokenResponseDto, TokenFormDto } from './token-form.dto.ts';

/** The route `token` of a tenant, with its entry in the API document. */
export function TokenEndpoint(): MethodDecorator {
  return applyDecorators(
    Post('token'),
    HttpCode(200),
    AnswersJsonText(),
    ApiBasicAuth(CLIENT_SCHEME),
    // Or by credentials in the form.
    ApiSecurity({}),
    ApiOperation({
      summary: 'OAuth 2.0 token endpoint: client_credentials, token exchange, jwt-bearer',
      description:
        'For standard OAuth clients (RFC 6749, 7523, 8693, 8707). `client_credentials`: a token for the client itself. Token exchange: a token to call the next service with, on behalf of the same subject. `jwt-bearer`: a token for a user who has logged in at an identity provider. Errors are as in RFC 6749, section 5.2.',
    }),
    // @nestjs/swagger drops an example beside a schema.
    ApiParam({ name: 'tenantId', description: 'The tenant.', schema: { type: 'string', example: 'acme' } }),
    ApiConsumes('application/x-www-form-urlencoded'),
    ApiBody({ type: TokenFormDto }),
    ApiOkResponse({ type: FormTokenResponseDto, description: 'The token. Never cached.' }),
    ApiUnknownTenant(),
    ApiOAuthErrors(
      'invalid_request',
      'invalid_grant',
      'invalid_scope',
      'invalid_target',
      'unauthorized_client',
      'unsupported_grant_type',
      'invalid_client',
      'payload_too_large',
      'unsupported_media_type',
      'too_many_requests',
      'token_too_large',
      'temporarily_unavailable',
    ),
  );
}
