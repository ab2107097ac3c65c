import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiProperty, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { ERROR_TABLE, type ErrorCode } from '../../errors/error-table.ts';
import { challengeOf } from './problem.ts';

/** The body of an error of the token endpoint (RFC 6749, section 5.2), for the OpenAPI document. */
export class OAuthError {
  @ApiProperty({ type: String, enum: Object.keys(ERROR_TABLE), description: 'For programs.' })
  error!: string;

  @ApiProperty({
    type: String,
    description: 'For people. Of a credential or a token it never says which check failed.',
  })
  error_description!: string;

  @ApiProperty({ type: String, description: 'Names this request in the logs; also in `X-Request-Id`.' })
  request_id!: string;
}

/**
 * Documents the error responses of the token endpoint, one example per code.
 *
 * @param codes in addition to `server_error`
 */
export function ApiOAuthErrors(...codes: ErrorCode[]): MethodDecorator {
  const all: readonly ErrorCode[] = [...codes, 'server_error'];
  const statuses = [...new Set(all.map((code) => ERROR_TABLE[code].status))];
  return applyDecorators(
    ApiExtraModels(OAuthError),
    ...statuses.map((status) =>
      response(
        status,
        all.filter((code) => ERROR_TABLE[code].status === status),
      ),
    ),
  );
}

function response(status: number, codes: readonly ErrorCode[]): MethodDecorator {
  const text = (description: string, example: string) => ({
    description,
    schema: { type: 'string' as const, example },
  });
  const headers = {
    ...(status === 401 && {
      'WWW-Authenticate': text(
        'How to authenticate. Only if the request has an `Authorization` header.',
        challengeOf(codes[0] ?? 'unauthorized'),
      ),
    }),
    ...((status === 429 || status === 503) && { 'Retry-After': text('Seconds.', '1') }),
  };
  return ApiResponse({
    status,
    description: codes.map((code) => `\`${code}\``).join(', '),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    content: {
      'application/json': {
        schema: { $ref: getSchemaPath(OAuthError) },
        examples: Object.fromEntries(codes.map((code) => [code, { value: example(code) }])),
      },
    },
  });
}

/** The texts of the endpoint, where they are not those of the table. */
const DESCRIPTIONS: Partial<Record<ErrorCode, string>> = {
  unauthorized_client: 'The client may not use this grant.',
  payload_too_large: 'The request body is larger than 16 KiB.',
  unsupported_media_type: 'The request body must be application/x-www-form-urlencoded in UTF-8.',
};

function example(code: ErrorCode): Readonly<Record<keyof OAuthError, string>> {
  return {
    error: code,
    error_description: DESCRIPTIONS[code] ?? ERROR_TABLE[code].detail,
    request_id: '2f1c7a0e-4a53-4c52-9f0e-6f1f0d8a3b7e',
  };
}
