import type { VerifiedToken } from '@tessera/token/core';
import { type ActiveToken, activeToken } from './token-status/active-token.ts';
import { CLAIM_SCHEMAS, EXAMPLE_CLAIMS } from './token-status/token-status.dto.ts';

/** The response of verifyToken: the token's claims, and some of them again under other names. */
export interface VerifiedTokenAnswer extends ActiveToken {
  readonly valid: true;
  /** `iat`, epoch seconds. */
  readonly issued_at: number;
  /** `exp`, epoch seconds. */
  readonly expires_at: number;
  /** The names in `scope`. */
  readonly scopes: readonly string[];
  readonly token_type: 'Bearer';
}

/** No claim can override the other members. */
export function verifiedTokenAnswer(token: VerifiedToken): VerifiedTokenAnswer {
  return {
    ...activeToken(token),
    valid: true,
    issued_at: token.issuedAt,
    expires_at: token.expiresAt,
    scopes: token.scopes,
    token_type: 'Bearer',
  };
}

export const VERIFIED_TOKEN_SCHEMA = {
  type: 'object',
  required: ['valid', 'active', 'issued_at', 'expires_at', 'scopes', 'token_type'],
  properties: {
    valid: { type: 'boolean', enum: [true], example: true },
    active: { type: 'boolean', enum: [true], description: 'The same, under the name of RFC 7662.', example: true },
    ...CLAIM_SCHEMAS,
    issued_at: { type: 'integer', description: '`iat`: seconds since 1970.' },
    expires_at: { type: 'integer', description: '`exp`: seconds since 1970.' },
    scopes: { type: 'array', items: { type: 'string' }, description: 'The names in `scope`.' },
    token_type: { type: 'string', enum: ['Bearer'] },
  },
  example: {
    valid: true,
    active: true,
    ...EXAMPLE_CLAIMS,
    issued_at: EXAMPLE_CLAIMS.iat,
    expires_at: EXAMPLE_CLAIMS.exp,
    scopes: EXAMPLE_CLAIMS.scope.split(' '),
    token_type: 'Bearer',
  },
};
