import { TesseraError } from '../errors/tessera-error.ts';
import type { Concern, FailureLimits } from './failure-limits.ts';

/**
 * Whether a request may try for something that can be guessed: a secret, or the address of a person where a client needs no secret. A bearer cannot
 * be guessed.
 */
export type Credential = 'guessable' | 'not guessable';

/**
 * One request's part in the limits on failures: it counts once, wherever it fails. Before the caller is authenticated it counts against source and
 * client, after that against what it asks for.
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

  /** @param clientKey whom the request says it comes from: whoever guesses names it right, whoever names it wrong gains nothing */
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
   * The client's secret is right.
   *
   * @throws TesseraError too_many_requests when guesses that came at the same time have used up the limit: this may be one of them
   */
  secretMatched(): void {
    this.check();
    this.#limits.recordAuthentication(this.#source, this.#clientKey);
    this.authenticated();
  }

  /** What proves the client is right, and could not be guessed. */
  authenticated(): void {
    this.#isAuthenticated = true;
  }

  /** What failures count against from the authentication on, until this is called again. */
  asksFor(concern: Concern, name: string): void {
    this.#concern = concern;
    this.#concerned = name;
  }

  /** @throws TesseraError too_many_requests in place of the error when the limit was used up, by others meanwhile or before */
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
    // Apart from the client's key where there is no such client, so that one that is made a moment later is served.
    const key = error.code === 'client_not_found' ? `${this.#clientKey} unknown` : this.#clientKey;
    this.#limits.recordStray(this.#source, key);
  }
}

/** What counts towards the limits: a wrong credential or a guess at a name. A dependency that is down is not the caller's failure. */
function isFailure(error: unknown): error is TesseraError {
  return error instanceof TesseraError && (error.code === 'unauthorized' || error.code === 'client_not_found');
}
