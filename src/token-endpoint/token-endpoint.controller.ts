import { Controller, Param, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { contextOf } from '../http/request-context.ts';
import type { TokenResponse } from '../token-grants/grant.ts';
import { TokenPipeline } from '../token-grants/token-pipeline.ts';
import { OfferedGrants } from './offered-grants.ts';
import { TokenEndpoint } from './token.endpoint.ts';

/** The token endpoint of RFC 6749, section 3.2, of each tenant. */
@ApiTags('Token Management')
@Controller('tenants/:tenantId')
export class TokenEndpointController {
  readonly #pipeline: TokenPipeline;
  readonly #grants: OfferedGrants;

  constructor(pipeline: TokenPipeline, grants: OfferedGrants) {
    this.#pipeline = pipeline;
    this.#grants = grants;
  }

  @TokenEndpoint()
  token(@Param('tenantId') tenant: string, @Req() request: FastifyRequest): Promise<TokenResponse> {
    return this.#pipeline.answer(this.#grants.of(request.body), {
      tenant,
      body: request.body,
      authorization: request.raw.headersDistinct['authorization'],
      request: contextOf(request),
    });
  }
}
