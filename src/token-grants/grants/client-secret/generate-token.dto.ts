import { ApiProperty } from '@nestjs/swagger';
import { IsEmail, IsOptional, IsString, Matches, MaxLength, validateSync } from 'class-validator';
import { ID_PATTERN } from '../../../domain/ids.ts';

const ID_RULE = 'must be 1 to 64 characters of a-z, 0-9, _ and -, the first a letter or digit';

/**
 * The body of generateToken, for the documentation and for error messages. The strict parser (client-secret.grant.ts) decides; it is seven times
 * cheaper and refuses more.
 */
export class GenerateTokenDto {
  @ApiProperty({
    type: String,
    pattern: ID_PATTERN.source,
    maxLength: 64,
    example: 'web',
    description: 'The calling client.',
  })
  @Matches(ID_PATTERN, { message: `client_id ${ID_RULE}` })
  client_id!: string;

  @ApiProperty({
    type: String,
    format: 'email',
    maxLength: 254,
    example: 'ada@acme.example',
    description: 'The subject of the token: an ASCII address with one `@`, compared without regard to case.',
  })
  @IsEmail({ require_tld: false }, { message: 'email_id must be an ASCII e-mail address without spaces' })
  @MaxLength(254, { message: 'email_id must be at most 254 characters' })
  email_id!: string;

  @ApiProperty({
    type: String,
    pattern: ID_PATTERN.source,
    maxLength: 64,
    example: 'shop',
    description: 'The project that the client belongs to.',
  })
  @Matches(ID_PATTERN, { message: `project_id ${ID_RULE}` })
  project_id!: string;

  @ApiProperty({
    type: String,
    pattern: ID_PATTERN.source,
    maxLength: 64,
    example: 'acme',
    description: 'The tenant that the project belongs to.',
  })
  @Matches(ID_PATTERN, { message: `tenant_id ${ID_RULE}` })
  tenant_id!: string;

  @ApiProperty({
    type: String,
    required: false,
    writeOnly: true,
    example: 'paste the secret that npm run quickstart or tessera secrets add printed',
    description: "The client's secret from Vault. May be left out only by a client whose policy is `secretless`.",
  })
  @IsOptional()
  @IsString({ message: 'secret_id must be a string' })
  secret_id?: string;
}

/** Every member that a body may have. */
export const MEMBERS: ReadonlySet<string> = new Set(['client_id', 'email_id', 'project_id', 'tenant_id', 'secret_id']);

/** Explains a refused body in one sentence. Names the invalid member, never its value. */
export function explainGenerateToken(body: unknown): string {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'The body must be a JSON object.';
  if (Object.keys(body).some((name) => !MEMBERS.has(name))) {
    return 'The body has a member that is not client_id, email_id, project_id, tenant_id or secret_id.';
  }
  const faults = validateSync(Object.assign(new GenerateTokenDto(), body), { forbidUnknownValues: true });
  const sentences = [...MEMBERS].flatMap((name) => {
    const value = (body as Readonly<Record<string, unknown>>)[name];
    if (value === undefined) return name === 'secret_id' ? [] : [`${name} is missing`];
    if (typeof value !== 'string') return [`${name} must be a string`];
    const { maxLength, ...others } = faults.find(({ property }) => property === name)?.constraints ?? {};
    // A text that is too long breaks other rules, too.
    return maxLength === undefined ? Object.values(others) : [maxLength];
  });
  return sentences.length > 0 ? `${sentences.join('; ')}.` : 'email_id must be an ASCII e-mail address without spaces.';
}
