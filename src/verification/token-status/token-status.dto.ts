import { ApiProperty } from '@nestjs/swagger';
import { type Surface, SURFACES } from '../../domain/surface.ts';

/** The form of RFC 7009, section 2.1, and RFC 7662, section 2.1, for the documentation. */
export class TokenStatusForm {
  @ApiProperty({
    type: String,
    minLength: 1,
    description: 'The token to check or revoke: the `access_token` from the response of `generateToken`.',
  })
  token!: string;

  @ApiProperty({
    type: String,
    required: false,
    description: 'Ignored: there is only one token type.',
  })
  token_type_hint?: string;

  @ApiProperty({
    type: String,
    enum: [...SURFACES],
    required: false,
    default: 'user',
    description: 'For introspection: the required surface of the token.',
  })
  surface?: Surface;

  @ApiProperty({
    type: String,
    required: false,
    description:
      'The calling client, if it does not authenticate by header (**Authorize**): `project/client`, or only the client. For example `shop/web`.',
  })
  client_id?: string;

  @ApiProperty({
    type: String,
    required: false,
    description: 'Its secret, with `client_id`: the `secret_id` of `generateToken`.',
  })
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
}

export class VerifyTokenDto {
  @ApiProperty({
    type: String,
    description: 'The token to check.',
    example: 'paste the access_token from the response of generateToken',
  })
  token!: string;
}

/** The claims of a token, as schemas. */
export const CLAIM_SCHEMAS = {
  iss: { type: 'string' },
  sub: { type: 'string', example: 'u-ada' },
  aud: { type: 'string', example: 'shop-api' },
  client_id: { type: 'string', example: 'web' },
  iat: { type: 'integer' },
  exp: { type: 'integer' },
  jti: { type: 'string' },
  scope: { type: 'string', example: 'orders:read orders:write' },
  roles: { type: 'array', items: { type: 'string' } },
  groups: { type: 'array', items: { type: 'string' } },
  resources: { type: 'array', items: { type: 'string' } },
  tenant_id: { type: 'string', example: 'acme' },
  project_id: { type: 'string', example: 'shop' },
  email_id: { type: 'string', example: 'ada@acme.example' },
  surface: { type: 'string', enum: [...SURFACES] },
  act: { type: 'object', description: 'After an exchange: who acts for the subject, the current actor first.' },
  idp: { type: 'string', description: 'After a login at an identity provider: its issuer.' },
  root: { type: 'string', description: 'After a token exchange: the `jti` of the first token of the chain.' },
};

/** A token of the quickstart that did not come from an exchange, so without `act` and `idp`. */
export const EXAMPLE_CLAIMS = {
  iss: 'http://localhost:3000/tenants/acme',
  sub: 'u-ada',
  aud: 'shop-api',
  client_id: 'web',
  iat: 1_795_700_000,
  exp: 1_795_700_600,
  jti: 'b3a1c6de-7f0e-4e0b-9a51-0d5b8f5f2c11',
  scope: 'orders:read orders:write',
  roles: ['manager'],
  groups: ['sales'],
  resources: ['orders'],
  tenant_id: 'acme',
  project_id: 'shop',
  email_id: 'ada@acme.example',
  surface: 'user',
};

/** The introspection response: the claims of an active token, and nothing else for an inactive one. */
export const INTROSPECTION_SCHEMA = {
  type: 'object',
  required: ['active'],
  properties: {
    active: { type: 'boolean', example: true },
    ...CLAIM_SCHEMAS,
    token_type: { type: 'string', enum: ['Bearer'] },
  },
  example: { active: true, ...EXAMPLE_CLAIMS, token_type: 'Bearer' },
};
