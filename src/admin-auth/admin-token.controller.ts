import { Controller, Req, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { GenerateToken } from '../token-grants/grants/client-secret/generate-token.ts';
import { GenerateTokenEndpoint } from '../token-grants/grants/client-secret/generate-token.endpoint.ts';
import { ExchangeToken } from '../token-grants/grants/oidc-exchange/exchange-token.ts';
import { OidcTokenEndpoint } from '../token-grants/grants/oidc-exchange/oidc-token.endpoint.ts';
import type { TokenResponse } from '../audit/release.ts';
import { contextOf } from '../http/request-context.ts';
import { AdminSurfaceGuard } from './admin-surface.guard.ts';

@ApiTags('Token Management')
@UseGuards(AdminSurfaceGuard)
@Controller('auth/admin')
export class AdminTokenController {
  readonly #generateToken: GenerateToken;
  readonly #exchangeToken: ExchangeToken;

  constructor(generateToken: GenerateToken, exchangeToken: ExchangeToken) {
    this.#generateToken = generateToken;
    this.#exchangeToken = exchangeToken;
  }

  @GenerateTokenEndpoint({
    summary: 'New JWT for an administrator',
    description:
      'Validates tenant, project, client and the secret held in Vault, then reads the administrator’s roles and scopes.',
  })
  generateToken(@Req() request: FastifyRequest): Promise<TokenResponse> {
    return this.#generateToken.answer('admin', request.body, contextOf(request));
  }

  @OidcTokenEndpoint('admin', { a: 'an administrator', the: 'the administrator' })
  oidcToken(@Req() request: FastifyRequest): Promise<TokenResponse> {
    return this.#exchangeToken.answer(
      'admin',
      request.raw.headersDistinct['authorization'],
      request.body,
      contextOf(request),
    );
  }
}
