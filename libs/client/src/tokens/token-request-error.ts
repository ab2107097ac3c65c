export interface TokenRequestErrorDetails {
  /** The HTTP status; absent if there was no response. */
  readonly status?: number;
  readonly retryAfterSeconds?: number;
}

/** A token could not be obtained. `error` is the service's machine code, or `unreachable` if there was no response. Safe to log. */
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
