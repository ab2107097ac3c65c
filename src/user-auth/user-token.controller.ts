import { Controller, HttpCode, Post, Req, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { GenerateToken } from '../token-grants/client-secret/generate-token.ts';
import { GenerateTokenDto } from '../token-grants/client-secret/generate-token.dto.ts';
import { TokenResponseDto } from '../token-grants/token-response.dto.ts';
import type { TokenResponse } from '../audit/release.ts';
import { ExchangeToken } from '../token-grants/oidc-exchange/exchange-token.ts';
import { OidcTokenDto } from '../token-grants/oidc-exchange/oidc-token.dto.ts';
import { BEARER_SCHEME } from '../http/openapi/api-docs.ts';
import { ApiTokenProblems } from '../http/problems/api-problems.ts';
import { contextOf } from '../http/request-context.ts';
import { UserSurfaceGuard } from './user-surface.guard.ts';

@ApiTags('Token Management')
@UseGuards(UserSurfaceGuard)
@Controller('auth/user')
export class UserTokenController {
  readonly #generateToken: GenerateToken;
  readonly #exchangeToken: ExchangeToken;

  constructor(generateToken: GenerateToken, exchangeToken: ExchangeToken) {
    this.#generateToken = generateToken;
    this.#exchangeToken = exchangeToken;
  }

  @Post('generateToken')
  @HttpCode(200)
  @ApiOperation({
    summary: 'New JWT for a user with tenant-specific permissions',
    description:
      'Validates tenant, project, client and the secret held in Vault, then reads the user’s roles, groups, scopes and resources from the tenant’s own database.',
  })
  @ApiBody({ type: GenerateTokenDto })
  @ApiOkResponse({ type: TokenResponseDto, description: 'The token. Never cached.' })
  @ApiTokenProblems(
    'invalid_request',
    'unauthorized',
    'client_not_found',
    'payload_too_large',
    'unsupported_media_type',
    'too_many_requests',
    'token_too_large',
    'temporarily_unavailable',
  )
  generateToken(@Req() request: FastifyRequest): Promise<TokenResponse> {
    return this.#generateToken.answer('user', request.body, contextOf(request));
  }

  @Post('oidcToken')
  @HttpCode(200)
  @ApiBearerAuth(BEARER_SCHEME)
  @ApiOperation({
    summary: 'New JWT for a user who has logged in at an identity provider',
    description:
      'The bearer, a token of the user surface that did not come from an exchange, fixes tenant, project and client. `oidc_token` shows who the user is: an ID token, or a JWT access token, of an issuer that the tenant trusts. It is good for one exchange.',
  })
  @ApiBody({ type: OidcTokenDto })
  @ApiOkResponse({
    type: TokenResponseDto,
    description: 'The token. Never cached. Ends with the OIDC token at the latest.',
  })
  @ApiTokenProblems(
    'invalid_request',
    'unauthorized',
    'payload_too_large',
    'unsupported_media_type',
    'too_many_requests',
    'token_too_large',
    'temporarily_unavailable',
  )
  oidcToken(@Req() request: FastifyRequest): Promise<TokenResponse> {
    return this.#exchangeToken.answer(
      'user',
      request.raw.headersDistinct['authorization'],
      request.body,
      contextOf(request),
    );
  }
}
