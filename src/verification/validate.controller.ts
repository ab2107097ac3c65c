import { applyDecorators, Body, Controller, Get, HttpCode, Post, Req, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TesseraError } from '../errors/tessera-error.ts';
import { BEARER_SCHEME } from '../http/openapi/api-docs.ts';
import { ApiProblems } from '../http/problems/api-problems.ts';
import { callerOf } from '../http/request-context.ts';
import { sendProblem } from '../http/problems/send-problem.ts';
import { SURFACES } from '../domain/surface.ts';
import { holds, NOTHING_MORE, permissionAsked, type Requirement, resourceAsked, scopeAsked } from './validation.ts';
import { ValidateJwtGuard } from './second-implementation/validate-jwt.guard.ts';
import { PermissionDto, ValidationDto, validationOf } from './validation.dto.ts';

const SURFACE = {
  name: 'surface',
  required: false,
  description:
    'The required surface of the token. Tokens of other surfaces are not accepted: those of administrators only with `surface=admin`, those of services only with `surface=service`.',
  schema: { type: 'string', enum: [...SURFACES], default: 'user' },
} as const;

function Validation(summary: string, ...more: MethodDecorator[]): MethodDecorator {
  return applyDecorators(
    ApiBearerAuth(BEARER_SCHEME),
    ApiOperation({ summary, description: 'For gateways and services without a library.' }),
    ApiQuery(SURFACE),
    ApiOkResponse({ type: ValidationDto, description: 'The token has what is required. Its claims.' }),
    ...more,
  );
}

function required(name: string, description: string, example: string) {
  // @nestjs/swagger drops an example beside a schema.
  return ApiQuery({ name, required: true, description, schema: { type: 'string', minLength: 1, example } });
}

/** The edge has verified the bearer before any of these handlers runs (src/http/routes/route-table.ts). They check only what the token must have. */
@ApiTags('Verification')
@UseGuards(ValidateJwtGuard)
@Controller('auth/validate')
export class ValidateController {
  @Get()
  @Validation('The bearer is valid', ApiProblems('invalid_request', 'unauthorized', 'temporarily_unavailable'))
  validate(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    answer(NOTHING_MORE, request, reply);
  }

  @Get('scope')
  @Validation(
    'The bearer is valid and has these scopes',
    required('scope', 'One scope, or several with a space between: all are required.', 'orders:read'),
    ApiProblems('invalid_request', 'unauthorized', 'forbidden', 'temporarily_unavailable'),
  )
  scope(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    answer(scopeAsked(request.query), request, reply);
  }

  @Get('resource')
  @Validation(
    'The bearer is valid and has this resource',
    required('resource', 'One resource.', 'orders'),
    ApiProblems('invalid_request', 'unauthorized', 'forbidden', 'temporarily_unavailable'),
  )
  resource(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    answer(resourceAsked(request.query), request, reply);
  }

  @Post('permissions')
  @HttpCode(200)
  @Validation(
    'The bearer is valid and has this scope and this resource',
    ApiBody({ type: PermissionDto }),
    ApiProblems(
      'invalid_request',
      'unauthorized',
      'forbidden',
      'payload_too_large',
      'unsupported_media_type',
      'temporarily_unavailable',
    ),
  )
  permissions(@Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    answer(permissionAsked(body), request, reply);
  }
}

function answer(requirement: Requirement, request: FastifyRequest, reply: FastifyReply): void {
  const token = callerOf(request);
  if (holds(token, requirement)) {
    void reply.code(200).send(validationOf(token));
    return;
  }
  // RFC 6750, section 3.1. Scope names contain neither quotes nor backslashes.
  const { scopes } = requirement;
  const scope = scopes.length === 0 ? '' : `, scope="${scopes.join(' ')}"`;
  void reply.header('www-authenticate', `Bearer realm="tessera", error="insufficient_scope"${scope}`);
  const refusal = new TesseraError('forbidden', 'the token lacks what is required', {
    detail: 'The token does not have what is required.',
  });
  // Not secret: the holder can read this in the token.
  sendProblem(refusal, request, reply, {
    required: requirement,
    granted: { scopes: token.scopes, resources: token.resources },
  });
}
