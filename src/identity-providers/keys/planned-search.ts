import type { Clock } from '../../domain/clock.ts';

interface Plan {
  readonly at: number;
  readonly account: string;
  /** The newest fetch that had begun when the last of the questions came. */
  asked: number;
}

/**
 * The one search of an issuer's keys that is made later, because it may not be made now. It is for everybody who has asked meanwhile, so that a new key is
 * known at the end of the cool-down and not one question later.
 */
export class PlannedSearch {
  readonly #clock: Clock;
  readonly #search: (account: string, asked: number) => void;
  #plan: Plan | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param search called when the time has come, with the account that it is on and the fetch that no longer answers */
  constructor(clock: Clock, search: (account: string, asked: number) => void) {
    this.#clock = clock;
    this.#search = search;
  }

  /**
   * Plans a search, unless there is an earlier one.
   *
   * @param at monotonic
   * @param asked the newest fetch that has begun: one after it answers the question
   * @returns when the search is
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

  /** A fetch has succeeded; the plan is dropped if it answers all questions. */
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
    // No reason to keep a process alive.
    this.#timer = setTimeout(() => {
      this.#run();
    }, wait).unref();
  }

  #run(): void {
    const plan = this.#plan;
    if (plan === undefined) return;
    // A timer may come early; the clock decides.
    if (this.#clock.monotonicMs() < plan.at) {
      this.#arm();
      return;
    }
    this.#plan = undefined;
    this.#search(plan.account, plan.asked);
  }
}
