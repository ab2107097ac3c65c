/**
 * For programs that hold keys themselves, or fetch them in their own way: no network, and no clock but the caller's. @tessera/client builds on these
 * exports, too.
 */
export { readBearer, type Bearer } from './verify/bearer.ts';
export { parseStrictJson, StrictJsonError, type StrictJsonFault, type StrictJsonLimits } from './json/strict-json.ts';
export {
  parseCompactForm,
  parseCompactToken,
  type CompactForm,
  type CompactTokenLimits,
  type ParsedToken,
  type TokenHeader,
} from './verify/compact-token.ts';
export { derToJws } from './keys/ecdsa-encoding.ts';
export { keyFits, type SignatureAlgorithm, verifySignature } from './keys/signature-check.ts';
export {
  holdsPrivateKey,
  importKeyMaterial,
  importVerificationKey,
  keyConfirms,
  refusalOfPurpose,
  type ImportedKey,
  type ImportedKeyMaterial,
  type VerificationKey,
} from './keys/verification-key.ts';
export { type FetchedKeys, JwksClient, type SearchLimit } from './keys/jwks-client.ts';
export { LastGoodValue, type Reading, type ValueSource } from './runtime/last-good-value.ts';
export { verifyParsed, type VerificationContext } from './verify/verify-parsed.ts';
export { trustedIssuersOf } from './verify/token-verifier.ts';
export type { ClaimPolicy } from './verify/claim-checks.ts';
export type { VerifiedToken } from './verify/verified-token.ts';
export { TokenError, type TokenErrorCode, type TokenErrorDetails, type TokenVerdict } from './verify/token-error.ts';
export { fetchableUrl, wrongOption } from './verify/option-rules.ts';
export { ExpiryClock } from './revocations/expiry-clock.ts';
export { RevocationList, type RevocableToken } from './revocations/revocation-list.ts';
export type { Revocation, RevocationKind } from './revocations/revocation.ts';
export { Given } from './runtime/given.ts';
