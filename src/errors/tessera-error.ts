import type { Dependency, DependencyFailure, DependencyFailures } from './dependency-failure.ts';
import { ERROR_TABLE, type ErrorCode } from './error-table.ts';

export interface TesseraErrorOptions {
  /** The original error, for a debugger only: never logged, never serialized. */
  readonly cause?: unknown;
  /** Replaces the table's public text. Must not say which check failed. */
  readonly detail?: string;
  /** Seconds for `Retry-After`; only for 429 and 503. */
  readonly retryAfterSeconds?: number;
  /** Whether it is recorded in the audit store, if its code is one of those that are. Default: true. */
  readonly isRecorded?: boolean;
  /** Which dependency failed, and how. */
  readonly failure?: DependencyFailure;
  /** The methods that the endpoint supports; only for 405. */
  readonly allow?: readonly string[];
}

/**
 * Kept outside the error objects: a cause may hold a library's request with credentials, and `util.inspect` prints a member named `cause` even when
 * it is not enumerable.
 */
const causes = new WeakMap<TesseraError, unknown>();

/** For locating an unexpected error in the code. Never print it. */
export function causeOf(error: TesseraError): unknown {
  return causes.get(error);
}

/**
 * The only error that the service throws on purpose. `detail` goes to the caller, `reason` to the audit record and the log, `cause` to neither.
 *
 * `reason` is a fixed phrase such as "secret does not match". It never holds a secret, a token, an email address or the text of another error.
 */
export class TesseraError extends Error {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly detail: string;
  readonly retryAfterSeconds: number | undefined;
  readonly allow: readonly string[] | undefined;
  readonly isRecorded: boolean;
  /** For code that treats failures differently; the texts are for people. Undefined unless `unavailable` made the error. */
  readonly failure: DependencyFailure | undefined;

  constructor(code: ErrorCode, reason: string, options: TesseraErrorOptions = {}) {
    super(`${code}: ${reason}`);
    this.name = 'TesseraError';
    this.code = code;
    this.reason = reason;
    this.detail = options.detail ?? ERROR_TABLE[code].detail;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.allow = options.allow;
    this.isRecorded = options.isRecorded ?? true;
    this.failure = options.failure;
    causes.set(this, options.cause);
  }
}

/**
 * The error for a dependency that does not answer: 503. An outage is never reported as a wrong credential, and never replaced by a default.
 *
 * @param particulars follows the kind in the reason, such as a column or a file. A fixed text, or one from the configuration.
 */
export function unavailable<Name extends Dependency>(
  dependency: Name,
  kind: DependencyFailures[Name],
  cause?: unknown,
  particulars?: string,
): TesseraError {
  const text = particulars === undefined ? kind : `${kind}: ${particulars}`;
  return new TesseraError('temporarily_unavailable', `${dependency}: ${text}`, {
    cause,
    retryAfterSeconds: 1,
    // The signature ensures that `dependency` and `kind` belong together.
    failure: { dependency, kind, text } as DependencyFailure,
  });
}
