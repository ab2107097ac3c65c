import { Controller, Req, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { GenerateToken } from '../token-grants/grants/client-secret/generate-token.ts';
import { GenerateTokenEndpoint } from '../token-grants/grants/client-secret/generate-token.endpoint.ts';
import { ExchangeToken } from '../token-grants/grants/oidc-exchange/exchange-token.ts';
import { OidcTokenEndpoint } from '../token-grants/grants/oidc-exchange/oidc-token.endpoint.ts';
import type { TokenResponse } from '../audit/release.ts';
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

  @GenerateTokenEndpoint({
    summary: 'New JWT for a user with tenant-specific permissions',
    description:
      'Validates tenant, project, client and the secret held in Vault, then reads the user’s roles, groups, scopes and resources from the tenant’s own database.',
  })
  generateToken(@Req() request: FastifyRequest): Promise<TokenResponse> {
    return this.#generateToken.answer('user', request.body, contextOf(request));
  }

  @OidcTokenEndpoint('user', { a: 'a user', the: 'the user' })
  oidcToken(@Req() request: FastifyRequest): Promise<TokenResponse> {
    return this.#exchangeToken.answer(
      'user',
      request.raw.headersDistinct['authorization'],
      request.body,
      contextOf(request),
    );
  }
}
