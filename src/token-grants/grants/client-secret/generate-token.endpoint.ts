import { applyDecorators, HttpCode, Post } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { AnswersJsonText } from '../../../http/json-text.ts';
import { ApiTokenProblems } from '../../../http/problems/api-problems.ts';
import { TokenResponseDto } from '../../token-response.dto.ts';
import { GenerateTokenDto } from './generate-token.dto.ts';

/**
 * The route `generateToken` of a surface, with its entry in the API document.
 *
 * @param description `email` is that of a subject of examples/acme.yaml
 */
export function GenerateTokenEndpoint(description: {
  readonly summary: string;
  readonly description: string;
  readonly email: string;
}): MethodDecorator {
  const { email, ...operation } = description;
  return applyDecorators(
    Post('generateToken'),
    HttpCode(200),
    AnswersJsonText(),
    ApiOperation(operation),
    ApiBody({ type: GenerateTokenDto, examples: { quickstart: exampleFor(email) } }),
    ApiOkResponse({ type: TokenResponseDto, description: 'The token. Never cached.' }),
    ApiTokenProblems(
      'invalid_request',
      'unauthorized',
      'client_not_found',
      'payload_too_large',
      'unsupported_media_type',
      'too_many_requests',
      'token_too_large',
      'temporarily_unavailable',
    ),
  );
}

/** Works with the tenant of the quickstart, once its secret is in. */
function exampleFor(email: string): {
  readonly summary: string;
  readonly value: Readonly<Record<keyof GenerateTokenDto, string>>;
} {
  return {
    summary: 'The example tenant of the quickstart',
    value: {
      tenant_id: 'acme',
      project_id: 'shop',
      client_id: 'web',
      email_id: email,
      secret_id: 'paste the secret that npm run quickstart or tessera secrets add printed',
    },
  };
}
