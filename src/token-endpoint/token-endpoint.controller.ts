import { Controller, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { authorizationOf } from '../http/header-values.ts';
import { contextOf } from '../http/request-context.ts';
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
  token(@Req() request: FastifyRequest<{ Params: { tenantId: string } }>): Promise<string> {
    return this.#pipeline.answer(this.#grants.of(request.body), {
      // Not by @Param: for each one, Nest awaits pipes that are not there.
      tenant: request.params.tenantId,
      body: request.body,
      authorization: authorizationOf(request),
      request: contextOf(request),
    });
  }
}
