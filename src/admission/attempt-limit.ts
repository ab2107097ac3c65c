import { TesseraError } from '../errors/tessera-error.ts';
import type { FailureLimits } from '../http/failure-limits.ts';

/** One request's part in the limit on failures: it counts once, wherever it fails. */
export class AttemptLimit {
  readonly #limits: FailureLimits;
  readonly #source: string;
  readonly #clientKey: string;
  #counted = false;

  /** @param clientKey whom the request says it comes from: whoever guesses names it right, whoever names it wrong gains nothing */
  constructor(limits: FailureLimits, source: string, clientKey: string) {
    this.#limits = limits;
    this.#source = source;
    this.#clientKey = clientKey;
  }

  /** @throws TesseraError too_many_requests */
  check(): void {
    this.#limits.check(this.#source, this.#clientKey);
  }

  /** @throws TesseraError too_many_requests when others from this source have used up the limit meanwhile: this one is not judged any more */
  count(error: unknown): void {
    if (this.#counted || !isFailure(error)) return;
    this.#counted = true;
    this.#limits.check(this.#source, this.#clientKey);
    this.#limits.recordFailure(this.#source, this.#clientKey);
  }
}

/** What counts towards the limit: a wrong credential or a guess at a name. A dependency that is down is not the caller's failure. */
function isFailure(error: unknown): boolean {
  return error instanceof TesseraError && (error.code === 'unauthorized' || error.code === 'client_not_found');
}
