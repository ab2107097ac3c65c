// A clock that is wrong by more is found at once.
const LONGEST_EXCESS_SECONDS = 86_400;
/** Wall time is known by whole seconds alone. */
const TOLERANCE_SECONDS = 2;

/**
 * What time it certainly is, for those who forget: a wall clock that ran ahead and is put back must not find forgotten what is of use again.
 * Time is taken from the least that the wall clock was ever ahead of the monotonic one; but at most a day is waited for.
 */
export class ForgettingTime {
  #leastOffset: number | undefined;

  /**
   * @param nowSeconds by the wall clock, epoch seconds
   * @returns `certain`: epoch seconds that have passed for sure. `wentBack`: the wall clock says less than it ever did, so that what was
   * forgotten before may have been forgotten too early
   */
  observe(nowSeconds: number, monotonicMs: number): { readonly certain: number; readonly wentBack: boolean } {
    const offset = nowSeconds - monotonicMs / 1_000;
    const least = this.#leastOffset ?? offset;
    this.#leastOffset = Math.min(least, offset);
    const excess = Math.min(offset - this.#leastOffset, LONGEST_EXCESS_SECONDS);
    return { certain: nowSeconds - excess, wentBack: offset < least - TOLERANCE_SECONDS };
  }
}
