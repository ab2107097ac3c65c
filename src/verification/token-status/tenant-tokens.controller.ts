import { Body, Controller, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import {
  ApiBasicAuth,
  ApiBody,
  ApiConsumes,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { CLIENT_SCHEME } from '../../http/openapi/api-docs.ts';
import { ApiProblems } from '../../http/problems/api-problems.ts';
import { authorizationOf } from '../../http/header-values.ts';
import { contextOf } from '../../http/request-context.ts';
import type { ActiveToken, InactiveToken } from './active-token.ts';
import { INTROSPECTION_SCHEMA, TokenStatusForm } from './token-status.dto.ts';
import { TokenStatus } from './token-status.ts';

// @nestjs/swagger drops an example beside a schema.
const TENANT = {
  name: 'tenantId',
  description: 'The tenant.',
  schema: { type: 'string', example: 'acme' },
} as const;
const FORM = 'application/x-www-form-urlencoded';

/** Token introspection (RFC 7662) and revocation (RFC 7009) for clients of a tenant. */
@ApiTags('Verification')
@Controller('tenants/:tenantId')
export class TenantTokensController {
  readonly #status: TokenStatus;

  constructor(@Inject(TokenStatus) status: TokenStatus) {
    this.#status = status;
  }

  @Post('introspect')
  @HttpCode(200)
  @ApiBasicAuth(CLIENT_SCHEME)
  // Or by credentials in the form.
  @ApiSecurity({})
  @ApiOperation({
    summary: 'Token introspection: whether a token is valid, and its claims (RFC 7662)',
    description:
      'The caller is a client of the tenant. It authenticates by its secret, in a Basic header or in the form, or by an assertion in the form. Only tokens of its own project and of the requested surface are active to it.',
  })
  @ApiParam(TENANT)
  @ApiConsumes(FORM)
  @ApiBody({ type: TokenStatusForm })
  @ApiOkResponse({ description: 'The result, with the claims of an active token.', schema: INTROSPECTION_SCHEMA })
  @ApiProblems(
    'invalid_request',
    'invalid_client',
    'route_not_found',
    'payload_too_large',
    'unsupported_media_type',
    'too_many_requests',
    'temporarily_unavailable',
  )
  introspect(
    @Param('tenantId') tenant: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<ActiveToken | InactiveToken> {
    return this.#status.introspect({ tenant, body, authorization: authorizationOf(request) }, contextOf(request));
  }

  @Post('revoke')
  @HttpCode(200)
  @ApiBasicAuth(CLIENT_SCHEME)
  // Or by credentials in the form.
  @ApiSecurity({})
  @ApiOperation({
    summary: 'Token revocation: revokes a token before it expires (RFC 7009)',
    description:
      'The caller is the client that the token was issued to. It authenticates by its secret, in a Basic header or in the form, or by an assertion in the form. The revocation is in force at this server when it answers, and everywhere within 2 s. A token that is no longer valid, or that belongs to another project, is not an error.',
  })
  @ApiParam(TENANT)
  @ApiConsumes(FORM)
  @ApiBody({ type: TokenStatusForm })
  @ApiOkResponse({ description: 'The token is not valid any more. No body.' })
  @ApiProblems(
    'invalid_request',
    'unauthorized_client',
    'invalid_client',
    'route_not_found',
    'payload_too_large',
    'unsupported_media_type',
    'too_many_requests',
    'temporarily_unavailable',
  )
  revoke(@Param('tenantId') tenant: string, @Body() body: unknown, @Req() request: FastifyRequest): Promise<void> {
    return this.#status.revoke({ tenant, body, authorization: authorizationOf(request) }, contextOf(request));
  }
}
