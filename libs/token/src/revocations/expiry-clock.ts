// The largest clock error that is compensated. A clock that is wrong by more than a day is noticed soon.
const LONGEST_EXCESS_SECONDS = 86_400;
/** The wall clock is read in whole seconds. */
const TOLERANCE_SECONDS = 2;

/**
 * Decides when a revocation may be dropped. While the wall clock runs ahead, revocations look expired too early; once it is set back, they are needed
 * again. So a revocation is kept until its time has certainly passed. That time is the monotonic clock plus the smallest offset that the wall clock
 * ever had to it, but at most a day behind the wall clock.
 */
export class ExpiryClock {
  #leastOffset: number | undefined;

  /**
   * @param nowSeconds by the wall clock, epoch seconds
   * @returns `certain`: the epoch second that has certainly passed. `wentBack`: the offset is smaller than ever before, so earlier values of
   * `certain` were too late and revocations may have been dropped too early
   */
  observe(nowSeconds: number, monotonicMs: number): { readonly certain: number; readonly wentBack: boolean } {
    const offset = nowSeconds - monotonicMs / 1_000;
    const least = this.#leastOffset ?? offset;
    this.#leastOffset = Math.min(least, offset);
    const excess = Math.min(offset - this.#leastOffset, LONGEST_EXCESS_SECONDS);
    return { certain: nowSeconds - excess, wentBack: offset < least - TOLERANCE_SECONDS };
  }
}
