import { Controller, Req, UseGuards } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { ClientSecretGrant } from '../token-grants/grants/client-secret/client-secret.grant.ts';
import { GenerateTokenEndpoint } from '../token-grants/grants/client-secret/generate-token.endpoint.ts';
import { OidcExchangeGrant } from '../token-grants/grants/oidc-exchange/oidc-exchange.grant.ts';
import { OidcTokenEndpoint } from '../token-grants/grants/oidc-exchange/oidc-token.endpoint.ts';
import { TokenPipeline } from '../token-grants/token-pipeline.ts';
import { authorizationOf } from '../http/header-values.ts';
import { contextOf } from '../http/request-context.ts';
import { UserSurfaceGuard } from './user-surface.guard.ts';

@ApiTags('Token Management')
@UseGuards(UserSurfaceGuard)
@Controller('auth/user')
export class UserTokenController {
  readonly #pipeline: TokenPipeline;
  readonly #clientSecret: ClientSecretGrant;
  readonly #oidcExchange: OidcExchangeGrant;

  constructor(pipeline: TokenPipeline, clientSecret: ClientSecretGrant, oidcExchange: OidcExchangeGrant) {
    this.#pipeline = pipeline;
    this.#clientSecret = clientSecret;
    this.#oidcExchange = oidcExchange;
  }

  @GenerateTokenEndpoint({
    summary: 'New JWT for a user with tenant-specific permissions',
    description:
      'Validates tenant, project, client and the secret held in Vault, then reads the user’s roles, groups, scopes and resources from the tenant’s own database.',
    email: 'ada@acme.example',
  })
  generateToken(@Req() request: FastifyRequest): Promise<string> {
    const input = { surface: 'user', body: request.body, request: contextOf(request) } as const;
    return this.#pipeline.answer(this.#clientSecret, input);
  }

  @OidcTokenEndpoint('user', { a: 'a user', the: 'the user' })
  oidcToken(@Req() request: FastifyRequest): Promise<string> {
    return this.#pipeline.answer(this.#oidcExchange, {
      surface: 'user',
      body: request.body,
      authorization: authorizationOf(request),
      request: contextOf(request),
    });
  }
}
