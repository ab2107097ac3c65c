import type { ErrorCode } from '../errors/error-table.ts';
import { TesseraError } from '../errors/tessera-error.ts';
import { WINDOW_MS } from './failure-counts.ts';
import type { Concern, FailureLimits } from './failure-limits.ts';

/** How failed attempts of a request are counted until its client has authenticated. */
export interface AttemptKey {
  /** The client that the request names. A guesser must name the right one, and gains nothing by naming a wrong one. */
  readonly key: string;
  /**
   * Whether the credentials can be guessed: a secret, or a person's email address at a client without a secret. A signed token cannot be guessed.
   * Once the limit is used up, an attempt that may be a guess is refused without a check. Any other attempt is always checked, and only its failure
   * is replaced by 429.
   */
  readonly isGuessable: boolean;
  /** Whether no client has this name. */
  readonly isUnknown?: boolean;
}

/**
 * Applies the failure limits to one request, which counts once, at whichever step it fails. Before the client has authenticated, a failure counts
 * against source and client; after that, against the target of the request.
 */
export class AttemptLimit {
  readonly #limits: FailureLimits;
  readonly #source: string;
  #key: string;
  #isGuessable: boolean;
  #isUnknown = false;
  #isAuthenticated = false;
  #concern: Concern = 'client';
  #concerned = '';
  #isCounted = false;

  constructor(limits: FailureLimits, source: string, { key, isGuessable }: AttemptKey) {
    this.#limits = limits;
    this.#source = source;
    this.#key = key;
    this.#isGuessable = isGuessable;
  }

  /** @throws TesseraError too_many_requests for an attempt that may be a guess, until the client has authenticated */
  check(): void {
    if (this.#isGuessable && !this.#isAuthenticated) this.#limits.check(this.#source, this.#key);
  }

  /**
   * Sets the key that a failure counts against from here on, for requests whose client is found in several steps.
   *
   * @throws TesseraError too_many_requests like `check`
   */
  identified({ key, isGuessable, isUnknown = false }: AttemptKey): void {
    this.#key = key;
    this.#isGuessable = isGuessable;
    this.#isUnknown = isUnknown;
    this.check();
  }

  /**
   * Call when the client has authenticated.
   *
   * @throws TesseraError too_many_requests if concurrent guesses have used up the limit: this request may be one of them
   */
  authenticated(): void {
    if (this.#isGuessable) {
      this.check();
      this.#limits.recordAuthentication(this.#source, this.#key);
    }
    this.#isAuthenticated = true;
  }

  /** Sets the target that later failures count against. */
  asksFor(concern: Concern, name: string): void {
    this.#concern = concern;
    this.#concerned = name;
  }

  /**
   * Call once for a request that a dependency could not answer.
   *
   * @returns whether it is to be recorded: always once its client has authenticated
   */
  countUnanswered(): boolean {
    return this.#isAuthenticated || this.#limits.countUnanswered(this.#source, this.#key);
  }

  /** @throws TesseraError too_many_requests in place of the error if the limit is used up, even by other requests */
  count(error: unknown): void {
    if (this.#isCounted || !isFailure(error)) return;
    this.#isCounted = true;
    if (this.#isAuthenticated) {
      this.#limits.recordRefusal(this.#source, this.#key, this.#concern, this.#concerned);
      return;
    }
    if (this.#isGuessable && error.code !== 'client_not_found') {
      this.check();
      this.#limits.recordFailure(this.#source, this.#key);
      return;
    }
    // An unknown client has a key of its own, so that a client of this id that is created a moment later is served.
    const key = error.code === 'client_not_found' ? `${this.#key} unknown` : this.#key;
    this.#limits.recordStray(this.#source, key, this.#isUnknown ? WINDOW_MS : undefined);
  }
}

const FAILURES: ReadonlySet<ErrorCode> = new Set([
  'unauthorized',
  'invalid_client',
  'invalid_grant',
  'client_not_found',
]);

/** Whether the error counts: a wrong credential or an unknown name. A dependency that is down is not the caller's failure. */
function isFailure(error: unknown): error is TesseraError {
  return error instanceof TesseraError && FAILURES.has(error.code);
}
