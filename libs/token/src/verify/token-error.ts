export type TokenErrorCode =
  | 'TOKEN_MALFORMED'
  | 'TOKEN_ISSUER_UNTRUSTED'
  | 'TOKEN_KEY_UNKNOWN'
  | 'TOKEN_ALGORITHM_REFUSED'
  | 'TOKEN_SIGNATURE_INVALID'
  | 'TOKEN_CLAIM_INVALID'
  | 'TOKEN_AUDIENCE_WRONG'
  | 'TOKEN_EXPIRED'
  | 'TOKEN_NOT_YET_VALID'
  | 'TOKEN_REVOKED'
  | 'KEYS_UNAVAILABLE'
  | 'REVOCATIONS_STALE';

/** `refused`: the token is not valid. `unavailable`: the token cannot be verified now; try again later. */
export type TokenVerdict = 'refused' | 'unavailable';

const CODES: Readonly<Record<TokenErrorCode, { readonly verdict: TokenVerdict; readonly message: string }>> = {
  TOKEN_MALFORMED: { verdict: 'refused', message: 'the token does not have the form of a Tessera access token' },
  TOKEN_ISSUER_UNTRUSTED: { verdict: 'refused', message: 'the issuer of the token is not trusted here' },
  TOKEN_KEY_UNKNOWN: { verdict: 'refused', message: 'the issuer has no usable key of that id' },
  TOKEN_ALGORITHM_REFUSED: { verdict: 'refused', message: 'the algorithm is not that of the key or not allowed here' },
  TOKEN_SIGNATURE_INVALID: { verdict: 'refused', message: 'the key does not confirm the signature' },
  TOKEN_CLAIM_INVALID: { verdict: 'refused', message: 'a claim of the token is not acceptable' },
  TOKEN_AUDIENCE_WRONG: { verdict: 'refused', message: 'the token is meant for another audience' },
  TOKEN_EXPIRED: { verdict: 'refused', message: 'the token has expired' },
  TOKEN_NOT_YET_VALID: { verdict: 'refused', message: 'the token is not valid yet' },
  TOKEN_REVOKED: { verdict: 'refused', message: 'the token has been revoked' },
  KEYS_UNAVAILABLE: { verdict: 'unavailable', message: 'the keys of the issuer cannot be fetched now' },
  REVOCATIONS_STALE: { verdict: 'unavailable', message: 'the list of revocations is too old' },
};

// A registered symbol, so that `instanceof` also works between the ESM build, the CommonJS build and a second copy of this package.
const MARK = Symbol.for('@tessera/token/TokenError');

export interface TokenErrorDetails {
  /** The name of the claim that the error is about. */
  readonly claim?: string;
  /** Only for `unavailable`: try again after this time. */
  readonly retryAfterSeconds?: number;
}

/**
 * The only error of verification. `message` and `code` are safe to log and to show; `reason` is a fixed phrase for the log only. None of them
 * contains the token, a claim's value or a URL.
 */
export class TokenError extends Error {
  readonly code: TokenErrorCode;
  readonly verdict: TokenVerdict;
  readonly reason: string;
  declare readonly claim?: string;
  declare readonly retryAfterSeconds?: number;

  constructor(code: TokenErrorCode, reason: string, details: TokenErrorDetails = {}) {
    super(`${code}: ${CODES[code].message}`);
    this.name = 'TokenError';
    this.code = code;
    this.verdict = CODES[code].verdict;
    this.reason = reason;
    if (details.claim !== undefined) this.claim = details.claim;
    // RFC 9110, section 10.2.3: whole seconds. At least 1, because 0 would make all callers retry at once.
    if (this.verdict === 'unavailable') this.retryAfterSeconds = Math.max(1, Math.ceil(details.retryAfterSeconds ?? 1));
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // For subclasses `instanceof` keeps its ordinary meaning.
    if (this !== TokenError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === 'object' && value !== null && MARK in value;
  }
}

Object.defineProperty(TokenError.prototype, MARK, { value: true });
