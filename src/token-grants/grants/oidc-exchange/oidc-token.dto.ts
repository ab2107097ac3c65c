import { ApiProperty } from '@nestjs/swagger';

/** The body of oidcToken, for the documentation. The decision is the strict parser's (parse-oidc-token-request.ts). */
export class OidcTokenDto {
  @ApiProperty({
    type: String,
    writeOnly: true,
    minLength: 1,
    description:
      'An ID token or JWT access token (at most 16 KiB) of an issuer that the tenant trusts for this client and surface.',
    example: 'paste an ID token of an identity provider that the tenant trusts',
  })
  oidc_token!: string;
}
