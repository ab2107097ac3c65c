export interface TokenRequestErrorDetails {
  /** The HTTP status; absent when there was no answer. */
  readonly status?: number;
  readonly retryAfterSeconds?: number;
}

/** A token was not to be had. `error` is the service's machine code, or `unreachable` when there was no answer. Safe to log. */
export class TokenRequestError extends Error {
  readonly error: string;
  declare readonly status?: number;
  declare readonly retryAfterSeconds?: number;

  constructor(error: string, details: TokenRequestErrorDetails = {}) {
    super(`no token: ${error}${details.status === undefined ? '' : ` (${details.status})`}`);
    this.name = 'TokenRequestError';
    this.error = error;
    if (details.status !== undefined) this.status = details.status;
    if (details.retryAfterSeconds !== undefined) this.retryAfterSeconds = details.retryAfterSeconds;
  }
}
