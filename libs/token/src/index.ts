export type { Actor, ActorClaim, SigningAlgorithm, Surface, TesseraClaims } from './verify/claims.ts';
export { decodeUnverified, type TokenHeader } from './verify/compact-token.ts';
export { TokenError, type TokenErrorCode, type TokenVerdict } from './verify/token-error.ts';
export { isVerifiedToken, type VerifiedToken } from './verify/verified-token.ts';
export { demandFreshRevocations, publicKeyOf, type TokenVerifier } from './verify/token-verifier.ts';
export { createVerifier } from './verify/verifier.ts';
export type {
  CommonVerifierOptions,
  KeyOptions,
  ListedIssuer,
  RevocationOptions,
  Trust,
  VerifierOptions,
} from './verify/verifier-options.ts';
