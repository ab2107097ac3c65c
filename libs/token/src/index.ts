export type { ActorClaim, SigningAlgorithm, Surface, TesseraClaims } from './claims.ts';
export { decodeUnverified, type TokenHeader } from './compact-token.ts';
export { TokenError, type TokenErrorCode, type TokenVerdict } from './token-error.ts';
export { isVerifiedToken, type VerifiedToken } from './verified-token.ts';
export { createVerifier, demandFreshRevocations, type TokenVerifier } from './verifier.ts';
export type {
  CommonVerifierOptions,
  KeyOptions,
  ListedIssuer,
  RevocationOptions,
  Trust,
  VerifierOptions,
} from './verifier-options.ts';
