import type { VerifiedToken } from '@tessera/token/core';
import { ApiProperty } from '@nestjs/swagger';
import { ProfileDto, profileOf } from './profile.dto.ts';
import { SURFACES } from '../domain/surface.ts';

/** A valid token and its claims. */
export class ValidationDto extends ProfileDto {
  @ApiProperty({ type: Boolean, enum: [true], example: true })
  valid!: true;

  @ApiProperty({ type: String, enum: [...SURFACES], example: 'user' })
  surface!: VerifiedToken['surface'];
}

export function validationOf(token: VerifiedToken): Readonly<ValidationDto> {
  return { valid: true, surface: token.surface, ...profileOf(token) };
}

export class PermissionDto {
  @ApiProperty({ type: String, example: 'orders:read', maxLength: 128 })
  scope!: string;

  @ApiProperty({ type: String, example: 'orders', maxLength: 128 })
  resource!: string;
}
