/** The synchronous half, for callers that hold the keys themselves: no network, no cache, no clock. What @tessera/client builds on is here, too. */
export { readBearer, type Bearer } from './bearer.ts';
export { parseStrictJson, StrictJsonError, type StrictJsonLimits } from './strict-json.ts';
export {
  parseCompactForm,
  parseCompactToken,
  type CompactForm,
  type CompactTokenLimits,
  type ParsedToken,
  type TokenHeader,
} from './compact-token.ts';
export {
  holdsPrivateKey,
  importKeyMaterial,
  importVerificationKey,
  refusalOfPurpose,
  type ImportedKey,
  type ImportedKeyMaterial,
  type VerificationKey,
} from './verification-key.ts';
export { verifyParsed, type VerificationContext } from './verify-parsed.ts';
export type { ClaimPolicy } from './claim-checks.ts';
export type { VerifiedToken } from './verified-token.ts';
export { TokenError, type TokenErrorCode, type TokenErrorDetails, type TokenVerdict } from './token-error.ts';
export { fetchableUrl, wrongOption } from './option-rules.ts';
export { ForgettingTime } from './forgetting-time.ts';
export { RevocationList, type RevocableToken } from './revocation-list.ts';
export type { Revocation, RevocationKind } from './revocation.ts';
