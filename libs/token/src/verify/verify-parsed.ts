import { checkClaims, type ClaimPolicy } from './claim-checks.ts';
import type { ParsedToken } from './compact-token.ts';
import { TokenError } from './token-error.ts';
import { sealVerifiedToken, type VerifiedToken } from './verified-token.ts';
import { keyConfirms, type VerificationKey } from '../keys/verification-key.ts';

export interface VerificationContext extends ClaimPolicy {
  /** The key that (issuer, kid) selected. */
  readonly key: VerificationKey;
  /** The owner of the key. `iss` must equal it byte for byte. */
  readonly issuer: string;
}

/**
 * Turns a parsed token into a verified one; nothing else does. Checks the issuer, then the signature, and only then the claims.
 *
 * @throws TokenError
 */
export function verifyParsed(parsed: ParsedToken, context: VerificationContext): VerifiedToken {
  const { header, claims, signingInput, signature } = parsed;
  const { key, issuer } = context;
  if (claims.iss !== issuer) throw new TokenError('TOKEN_ISSUER_UNTRUSTED', 'iss is not the owner of the key');
  if (header.kid !== key.kid) throw new TokenError('TOKEN_KEY_UNKNOWN', 'kid is not that of the key');
  // The key's own alg must match, so that the header cannot choose the algorithm (RFC 8725, section 3.1).
  if (header.alg !== key.alg) throw new TokenError('TOKEN_ALGORITHM_REFUSED', 'alg is not that of the key');
  if (!keyConfirms(key, signingInput, signature))
    throw new TokenError('TOKEN_SIGNATURE_INVALID', 'the key does not confirm the signature');
  return sealVerifiedToken(checkClaims(claims, context), key.kid);
}
