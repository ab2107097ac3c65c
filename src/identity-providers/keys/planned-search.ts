import type { Clock } from '../../domain/clock.ts';

interface Plan {
  readonly at: number;
  readonly account: string;
  /** The number of the newest fetch when the last question came. */
  asked: number;
}

/**
 * A search for an issuer's keys that is deferred by the cooldown. It serves all questions that came in the meantime, so that a new key is known at
 * the end of the cooldown, without another question.
 */
export class PlannedSearch {
  readonly #clock: Clock;
  readonly #search: (account: string, asked: number) => void;
  #plan: Plan | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param search called at the planned time with the account and the number of the newest fetch before the questions */
  constructor(clock: Clock, search: (account: string, asked: number) => void) {
    this.#clock = clock;
    this.#search = search;
  }

  /**
   * Plans a search, unless an earlier one is planned.
   *
   * @param at monotonic
   * @param asked the number of the newest fetch; a later fetch answers the question
   * @returns the time of the search
   */
  add(account: string, at: number, asked: number): number {
    if (this.#plan !== undefined && this.#plan.at <= at) {
      this.#plan.asked = asked;
      return this.#plan.at;
    }
    this.#plan = { at, account, asked };
    this.#arm();
    return at;
  }

  /** Call when a fetch has succeeded. Drops the plan if the fetch answers all questions. */
  answer(fetch: number): void {
    if (this.#plan === undefined || fetch <= this.#plan.asked) return;
    this.#plan = undefined;
    clearTimeout(this.#timer);
  }

  close(): void {
    this.#isClosed = true;
    this.#plan = undefined;
    clearTimeout(this.#timer);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#plan === undefined || this.#isClosed) return;
    const wait = Math.max(1, Math.ceil(this.#plan.at - this.#clock.monotonicMs()));
    // The timer must not keep the process alive.
    this.#timer = setTimeout(() => {
      this.#run();
    }, wait).unref();
  }

  #run(): void {
    const plan = this.#plan;
    if (plan === undefined) return;
    // A timer may fire early; the clock decides.
    if (this.#clock.monotonicMs() < plan.at) {
      this.#arm();
      return;
    }
    this.#plan = undefined;
    this.#search(plan.account, plan.asked);
  }
}
