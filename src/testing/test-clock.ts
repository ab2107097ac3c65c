import { Clock } from '../domain/clock.ts';

/** Stands still until the test moves it. Starts at the present, so that programs that read the system's clock agree with it. */
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

  /** Sets the wall time to the system's and so much further. A command line under test goes by the system's clock, and its revocations reach a little ahead of it. */
  jumpAheadOfSystem(seconds: number): void {
    this.#nowMs = Math.max(this.#nowMs, (Math.floor(Date.now() / 1000) + seconds) * 1000);
  }

  /** Somebody set the clock: wall time jumps, ages do not. */
  jumpSeconds(seconds: number): void {
    this.#nowMs += seconds * 1000;
  }
}
