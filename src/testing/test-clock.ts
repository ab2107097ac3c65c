import { Clock } from '../domain/clock.ts';

/** A clock that stands still until the test moves it. Starts at the present, so that programs with the system clock agree with it. */
export class TestClock extends Clock {
  #nowMs = Math.floor(Date.now() / 1000) * 1000;
  #monotonicMs = 1_000_000;

  override nowMs(): number {
    return this.#nowMs;
  }

  override monotonicMs(): number {
    return this.#monotonicMs;
  }

  advanceSeconds(seconds: number): void {
    this.#nowMs += seconds * 1000;
    this.#monotonicMs += seconds * 1000;
  }

  /**
   * Sets the wall time to the system's time plus `seconds`. Commands under test use the system clock, and their revocations reach a little beyond it.
   */
  jumpAheadOfSystem(seconds: number): void {
    this.#nowMs = Math.max(this.#nowMs, (Math.floor(Date.now() / 1000) + seconds) * 1000);
  }

  /** Simulates a changed system clock: wall time jumps, monotonic time does not. */
  jumpSeconds(seconds: number): void {
    this.#nowMs += seconds * 1000;
  }
}
