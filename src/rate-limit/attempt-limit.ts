import { TesseraError } from '../errors/tessera-error.ts';
import type { Concern, FailureLimits } from './failure-limits.ts';

/**
 * Whether a request presents something that can be guessed: a secret, or a person's email address at a client without a secret. A bearer token cannot
 * be guessed.
 */
export type Credential = 'guessable' | 'not guessable';

/**
 * Applies the failure limits to one request, which counts once, at whichever step it fails. Before the caller is authenticated, a failure counts
 * against source and client; after that, against the target of the request.
 */
export class AttemptLimit {
  readonly #limits: FailureLimits;
  readonly #source: string;
  readonly #clientKey: string;
  readonly #credential: Credential;
  #isAuthenticated = false;
  #concern: Concern = 'client';
  #concerned = '';
  #isCounted = false;

  /** @param clientKey the client that the request claims to come from; a guesser must name the right one, and gains nothing by naming a wrong one */
  constructor(limits: FailureLimits, source: string, clientKey: string, credential: Credential) {
    this.#limits = limits;
    this.#source = source;
    this.#clientKey = clientKey;
    this.#credential = credential;
  }

  /** @throws TesseraError too_many_requests while the client is not authenticated */
  check(): void {
    if (!this.#isAuthenticated) this.#limits.check(this.#source, this.#clientKey);
  }

  /**
   * Call when the client's secret has matched.
   *
   * @throws TesseraError too_many_requests if concurrent guesses have used up the limit: this request may be one of them
   */
  secretMatched(): void {
    this.check();
    this.#limits.recordAuthentication(this.#source, this.#clientKey);
    this.authenticated();
  }

  /** Call when the client has authenticated by something that cannot be guessed. */
  authenticated(): void {
    this.#isAuthenticated = true;
  }

  /** Sets the target that later failures count against. */
  asksFor(concern: Concern, name: string): void {
    this.#concern = concern;
    this.#concerned = name;
  }

  /** @throws TesseraError too_many_requests in place of the error if the limit is used up, even by other requests */
  count(error: unknown): void {
    if (this.#isCounted || !isFailure(error)) return;
    this.#isCounted = true;
    if (this.#isAuthenticated) {
      this.#limits.recordRefusal(this.#source, this.#clientKey, this.#concern, this.#concerned);
      return;
    }
    if (this.#credential === 'guessable' && error.code === 'unauthorized') {
      this.check();
      this.#limits.recordFailure(this.#source, this.#clientKey);
      return;
    }
    // An unknown client has a key of its own, so that a client of this id that is created a moment later is served.
    const key = error.code === 'client_not_found' ? `${this.#clientKey} unknown` : this.#clientKey;
    this.#limits.recordStray(this.#source, key);
  }
}

/** Whether the error counts: a wrong credential or an unknown name. A dependency that is down is not the caller's failure. */
function isFailure(error: unknown): error is TesseraError {
  return error instanceof TesseraError && (error.code === 'unauthorized' || error.code === 'client_not_found');
}
