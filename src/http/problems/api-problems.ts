import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiProperty, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { ERROR_TABLE, type ErrorCode } from '../../errors/error-table.ts';
import { challengeOf, PROBLEM_MEDIA_TYPE, problemTitle, problemType } from './problem.ts';
import type { RouteRow } from '../routes/route-table.ts';

/** The body of error responses (RFC 9457), for the OpenAPI document. */
export class Problem {
  @ApiProperty({
    type: String,
    description: 'Stable URI of the problem type.',
    example: 'urn:tessera:error:unauthorized',
  })
  type!: string;

  @ApiProperty({ type: String, example: 'Unauthorized' })
  title!: string;

  @ApiProperty({ type: Number, example: 401 })
  status!: number;

  @ApiProperty({ type: String, description: 'For people. Of a credential it never says which check failed.' })
  detail!: string;

  @ApiProperty({ type: String, enum: Object.keys(ERROR_TABLE), description: 'For programs.' })
  error!: string;

  @ApiProperty({ type: String, description: 'Names this request in the logs; also in `X-Request-Id`.' })
  request_id!: string;
}

/** Every route can answer with these. */
const EVERYWHERE: readonly ErrorCode[] = ['server_error'];

/**
 * Documents the error responses of a handler, one example per code.
 *
 * @param codes in addition to `server_error`, which every route has
 */
export function ApiProblems(...codes: ErrorCode[]): ClassDecorator & MethodDecorator {
  return problems(undefined, codes);
}

/** The same for routes that issue tokens, whose 5xx errors have the title "Failed to generate token". */
export function ApiTokenProblems(...codes: ErrorCode[]): ClassDecorator & MethodDecorator {
  return problems({ kind: 'token' }, codes);
}

/** Documents the 404 of an unknown tenant, for an endpoint whose other errors have the form of RFC 6749. */
export function ApiUnknownTenant(): MethodDecorator {
  return applyDecorators(ApiExtraModels(Problem), response(undefined, 404, ['route_not_found']));
}

function problems(
  row: Pick<RouteRow, 'kind'> | undefined,
  codes: readonly ErrorCode[],
): ClassDecorator & MethodDecorator {
  const all = [...codes, ...EVERYWHERE];
  const statuses = [...new Set(all.map((code) => ERROR_TABLE[code].status))];
  return applyDecorators(
    ApiExtraModels(Problem),
    ...statuses.map((status) =>
      response(
        row,
        status,
        all.filter((code) => ERROR_TABLE[code].status === status),
      ),
    ),
  );
}

function response(
  row: Pick<RouteRow, 'kind'> | undefined,
  status: number,
  codes: readonly ErrorCode[],
): MethodDecorator {
  const headers = {
    ...(status === 401
      ? {
          'WWW-Authenticate': {
            description: 'How to authenticate.',
            schema: { type: 'string' as const, example: challengeOf(codes[0] ?? 'unauthorized') },
          },
        }
      : {}),
    ...(status === 429 || status === 503
      ? { 'Retry-After': { description: 'Seconds.', schema: { type: 'string' as const, example: '1' } } }
      : {}),
  };
  return ApiResponse({
    status,
    description: codes.map((code) => problemTitle(code, row)).join(' / '),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    content: {
      [PROBLEM_MEDIA_TYPE]: {
        schema: { $ref: getSchemaPath(Problem) },
        examples: Object.fromEntries(codes.map((code) => [code, { value: example(row, code) }])),
      },
    },
  });
}

function example(
  row: Pick<RouteRow, 'kind'> | undefined,
  code: ErrorCode,
): Readonly<Record<keyof Problem, string | number>> {
  return {
    type: problemType(code),
    title: problemTitle(code, row),
    status: ERROR_TABLE[code].status,
    detail: ERROR_TABLE[code].detail,
    error: code,
    request_id: '2f1c7a0e-4a53-4c52-9f0e-6f1f0d8a3b7e',
  };
}
