import { ERROR_TABLE, type ErrorCode } from './error-table.ts';

export interface TesseraErrorOptions {
  /** What really happened, for nobody but the debugger: never logged, never serialised. */
  readonly cause?: unknown;
  /** Public text in place of the table's. Must not tell which factor failed. */
  readonly detail?: string;
  /** Seconds for `Retry-After`; only for 429 and 503. */
  readonly retryAfterSeconds?: number;
  /** Whether it is kept in the audit store, if its code is one of those that are. Default: true. */
  readonly isRecorded?: boolean;
  /** The methods that the address answers to; only for 405. */
  readonly allow?: readonly string[];
}

/**
 * Beside the errors, not in them: a cause may carry a foreign library's request, credentials included, and `util.inspect` prints a member
 * of that name even when nothing enumerates it.
 */
const causes = new WeakMap<TesseraError, unknown>();

/** For finding out where an unexpected error came from; never for printing. */
export function causeOf(error: TesseraError): unknown {
  return causes.get(error);
}

/**
 * The only error that the service throws on purpose. Three texts, kept apart: `detail` goes to the caller, `reason` to the
 * audit record and the log, `cause` nowhere.
 *
 * `reason` is a fixed phrase in words of the domain ("secret does not match"); it never holds a secret, a token, an e-mail
 * or text from a foreign error.
 */
export class TesseraError extends Error {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly detail: string;
  readonly retryAfterSeconds: number | undefined;
  readonly allow: readonly string[] | undefined;
  readonly isRecorded: boolean;

  constructor(code: ErrorCode, reason: string, options: TesseraErrorOptions = {}) {
    super(`${code}: ${reason}`);
    this.name = 'TesseraError';
    this.code = code;
    this.reason = reason;
    this.detail = options.detail ?? ERROR_TABLE[code].detail;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.allow = options.allow;
    this.isRecorded = options.isRecorded ?? true;
    causes.set(this, options.cause);
  }
}

/**
 * The verdict for a dependency that does not answer: 503, never a credential verdict and never a default.
 *
 * @param dependency a fixed name such as `control database`, for the audit record and the log
 * @param reason a fixed phrase, e.g. `connection refused`
 */
export function unavailable(dependency: string, reason: string, cause?: unknown): TesseraError {
  return new TesseraError('temporarily_unavailable', `${dependency}: ${reason}`, { cause, retryAfterSeconds: 1 });
}
