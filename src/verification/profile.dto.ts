import type { VerifiedToken } from '@tessera/token/core';
import { ApiProperty } from '@nestjs/swagger';

/** The claims of a verified token. */
export class ProfileDto {
  @ApiProperty({ type: String, example: 'web' })
  client_id!: string;

  /** A service has none. */
  @ApiProperty({ type: String, required: false, example: 'ada@acme.example' })
  email_id?: string;

  @ApiProperty({ type: [String], example: ['sales'] })
  groups!: readonly string[];

  @ApiProperty({ type: String, example: 'shop' })
  project_id!: string;

  @ApiProperty({ type: [String], example: ['orders'] })
  resources!: readonly string[];

  @ApiProperty({ type: [String], example: ['manager'] })
  roles!: readonly string[];

  @ApiProperty({ type: [String], example: ['orders:read', 'orders:write'] })
  scopes!: readonly string[];

  @ApiProperty({ type: String, example: 'acme' })
  tenant_id!: string;

  @ApiProperty({ type: String, enum: ['Bearer'], example: 'Bearer' })
  token_type!: 'Bearer';
}

export function profileOf(token: VerifiedToken): Readonly<ProfileDto> {
  return {
    client_id: token.clientId,
    ...(token.email === undefined ? {} : { email_id: token.email }),
    groups: token.groups,
    project_id: token.projectId,
    resources: token.resources,
    roles: token.roles,
    scopes: token.scopes,
    tenant_id: token.tenantId,
    token_type: 'Bearer',
  };
}
