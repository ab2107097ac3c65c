import { ApiProperty } from '@nestjs/swagger';

/** RFC 6749, section 5.1, for the documentation. */
export class TokenResponseDto {
  @ApiProperty({
    type: String,
    description: 'A signed JWT (RFC 9068).',
    example: 'eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiIsImtpZCI6Ii4uLiJ9.e30.c2lnbmF0dXJl',
  })
  access_token!: string;

  @ApiProperty({ type: Number, description: 'Whole seconds from now until the token expires.', example: 600 })
  expires_in!: number;

  @ApiProperty({ type: String, enum: ['Bearer'], example: 'Bearer' })
  token_type!: 'Bearer';
}
