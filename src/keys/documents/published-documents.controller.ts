import { applyDecorators, Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import {
  ApiHeader,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiResponse,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PublishedDocuments } from './published-documents.ts';
import { sendDocument } from './send-document.ts';

// @nestjs/swagger drops an example beside a schema.
const TENANT = {
  name: 'tenantId',
  description: 'The tenant.',
  schema: { type: 'string', example: 'acme' },
} as const;
const IF_NONE_MATCH = { name: 'If-None-Match', required: false, description: 'The ETag of a cached document.' };
const NOT_MODIFIED = { status: 304, description: 'The cached document is current.' };
const NO_TENANT = { description: 'There is no such tenant.' };
const NO_KEYS = { description: 'The keys of the tenant are unavailable. `Retry-After` says when to try again.' };

const KEY_SET_SCHEMA = {
  type: 'object',
  required: ['keys'],
  properties: {
    keys: {
      type: 'array',
      items: {
        type: 'object',
        required: ['kty', 'kid', 'alg', 'use'],
        properties: {
          kty: { type: 'string', enum: ['EC', 'RSA', 'OKP'] },
          kid: { type: 'string' },
          alg: { type: 'string', enum: ['ES256', 'RS256', 'EdDSA'] },
          use: { type: 'string', enum: ['sig'] },
          crv: { type: 'string' },
          x: { type: 'string' },
          y: { type: 'string' },
          n: { type: 'string' },
          e: { type: 'string' },
        },
      },
    },
  },
};

const METADATA_SCHEMA = {
  type: 'object',
  required: ['issuer', 'jwks_uri', 'token_endpoint', 'response_types_supported'],
  properties: {
    issuer: { type: 'string', format: 'uri' },
    jwks_uri: { type: 'string', format: 'uri' },
    token_endpoint: { type: 'string', format: 'uri' },
    response_types_supported: { type: 'array', items: { type: 'string' } },
  },
  additionalProperties: true,
};

/** The common OpenAPI description of these endpoints. */
const ApiDocument = (description: string, schema: typeof KEY_SET_SCHEMA | typeof METADATA_SCHEMA): MethodDecorator =>
  applyDecorators(
    ApiParam(TENANT),
    ApiHeader(IF_NONE_MATCH),
    ApiOkResponse({ description, schema }),
    ApiResponse(NOT_MODIFIED),
    ApiNotFoundResponse(NO_TENANT),
    ApiServiceUnavailableResponse(NO_KEYS),
  );

/** A tenant's public documents for verifiers. Cacheable, and serialized in advance. */
@ApiTags('Verification')
@Controller()
export class PublishedDocumentsController {
  constructor(@Inject(PublishedDocuments) private readonly documents: PublishedDocuments) {}

  @Get('tenants/:tenantId/jwks.json')
  @ApiOperation({
    summary: 'The public keys of a tenant',
    description: 'A JSON Web Key Set (RFC 7517). Every key is published here before it signs.',
  })
  @ApiDocument('The key set.', KEY_SET_SCHEMA)
  keySet(
    @Param('tenantId') tenantId: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return sendDocument(this.documents, 'keySet', tenantId, request, reply);
  }

  @Get('tenants/:tenantId/.well-known/openid-configuration')
  @ApiOperation({ summary: 'Metadata of a tenant, OpenID Connect Discovery' })
  @ApiDocument('The metadata.', METADATA_SCHEMA)
  openidConfiguration(
    @Param('tenantId') tenantId: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return sendDocument(this.documents, 'openidConfiguration', tenantId, request, reply);
  }

  @Get('.well-known/oauth-authorization-server/tenants/:tenantId')
  @ApiOperation({ summary: 'Metadata of a tenant, RFC 8414' })
  @ApiDocument('The metadata.', METADATA_SCHEMA)
  authorizationServerMetadata(
    @Param('tenantId') tenantId: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return sendDocument(this.documents, 'authorizationServerMetadata', tenantId, request, reply);
  }
}
