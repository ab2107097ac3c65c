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
import { AdminSurfaceGuard } from './admin-surface.guard.ts';

@ApiTags('Token Management')
@UseGuards(AdminSurfaceGuard)
@Controller('auth/admin')
export class AdminTokenController {
  readonly #pipeline: TokenPipeline;
  readonly #clientSecret: ClientSecretGrant;
  readonly #oidcExchange: OidcExchangeGrant;

  constructor(pipeline: TokenPipeline, clientSecret: ClientSecretGrant, oidcExchange: OidcExchangeGrant) {
    this.#pipeline = pipeline;
    this.#clientSecret = clientSecret;
    this.#oidcExchange = oidcExchange;
  }

  @GenerateTokenEndpoint({
    summary: 'New JWT for an administrator',
    description:
      'Validates tenant, project, client and the secret held in Vault, then reads the administrator’s roles and scopes.',
    email: 'root@acme.example',
  })
  generateToken(@Req() request: FastifyRequest): Promise<string> {
    const input = { surface: 'admin', body: request.body, request: contextOf(request) } as const;
    return this.#pipeline.answer(this.#clientSecret, input);
  }

  @OidcTokenEndpoint('admin', { a: 'an administrator', the: 'the administrator' })
  oidcToken(@Req() request: FastifyRequest): Promise<string> {
    return this.#pipeline.answer(this.#oidcExchange, {
      surface: 'admin',
      body: request.body,
      authorization: authorizationOf(request),
      request: contextOf(request),
    });
  }
}
