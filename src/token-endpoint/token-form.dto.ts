import { ApiProperty } from '@nestjs/swagger';
import { GRANT_TYPES } from '../domain/grant-types.ts';
import { TokenResponseDto } from '../token-grants/token-response.dto.ts';

const TOKEN_TYPES = ['urn:ietf:params:oauth:token-type:access_token', 'urn:ietf:params:oauth:token-type:jwt'];

/** The form of the token endpoint, for the documentation. The decision is the strict parser's (token-grants/token-form). */
export class TokenFormDto {
  @ApiProperty({
    type: String,
    enum: Object.values(GRANT_TYPES),
    default: GRANT_TYPES.client_credentials,
  })
  grant_type!: string;

  @ApiProperty({
    type: String,
    required: false,
    description:
      'Scopes with one space between, for example `orders:read orders:write`. All are granted, or none. Without it: all that may be granted.',
  })
  scope?: string;

  @ApiProperty({
    type: String,
    required: false,
    description: 'The service that the token is for. Without it: the audience of the client.',
  })
  audience?: string;

  @ApiProperty({
    type: String,
    required: false,
    description: 'The same as an absolute URI (RFC 8707), instead of `audience`.',
  })
  resource?: string;

  @ApiProperty({
    type: String,
    required: false,
    description:
      'The calling client, if it does not authenticate by header (**Authorize**): `project/client`, or only the client where one project has it.',
  })
  client_id?: string;

  @ApiProperty({ type: String, required: false, description: 'Its secret, with `client_id`.' })
  client_secret?: string;

  @ApiProperty({
    type: String,
    required: false,
    enum: ['urn:ietf:params:oauth:client-assertion-type:jwt-bearer'],
    description: 'With `client_assertion`.',
  })
  client_assertion_type?: string;

  @ApiProperty({
    type: String,
    required: false,
    description: 'Instead of a secret: a JWT that the client has signed (RFC 7523), or a token of its workload.',
  })
  client_assertion?: string;

  @ApiProperty({
    type: String,
    required: false,
    description: 'For token-exchange: an access token of this tenant that the calling client has received.',
  })
  subject_token?: string;

  @ApiProperty({ type: String, required: false, enum: TOKEN_TYPES, description: 'With `subject_token`.' })
  subject_token_type?: string;

  @ApiProperty({
    type: String,
    required: false,
    description: 'For token-exchange, optional: a token of the calling client itself.',
  })
  actor_token?: string;

  @ApiProperty({ type: String, required: false, enum: TOKEN_TYPES, description: 'With `actor_token`.' })
  actor_token_type?: string;

  @ApiProperty({ type: String, required: false, enum: [TOKEN_TYPES[0]], description: 'For token-exchange.' })
  requested_token_type?: string;

  @ApiProperty({
    type: String,
    required: false,
    description: 'For jwt-bearer: an ID token of an issuer that the tenant trusts. It can be used once.',
  })
  assertion?: string;
}

/** RFC 6749, section 5.1, for the documentation. */
export class FormTokenResponseDto extends TokenResponseDto {
  @ApiProperty({ type: String, description: 'The scopes of the token.', example: 'orders:read' })
  scope!: string;

  @ApiProperty({ type: String, required: false, enum: [TOKEN_TYPES[0]], description: 'After a token exchange.' })
  issued_token_type?: string;
}
