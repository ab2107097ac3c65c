/** How late an expired limit may be noticed. */
const LOOK_EVERY_MS = 50;

interface Bounded {
  readonly endsAtMs: number;
  readonly late: () => void;
  /** Its index in the list. */
  place: number;
}

/** One time limit for many operations, with one timer for all of them: a timer for each operation costs more than most of the operations. */
export class TimeLimit {
  readonly #limitMs: number;
  readonly #underWay: Bounded[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Settles like the work, or like `late` when the time is over, at most 50 ms after that. The later result of the work is dropped. */
  within<T>(work: Promise<T>, late: () => Promise<T>): Promise<T> {
    return new Promise((resolve) => {
      const bounded: Bounded = {
        endsAtMs: performance.now() + this.#limitMs,
        late: () => {
          resolve(late());
        },
        place: this.#underWay.length,
      };
      this.#underWay.push(bounded);
      this.#timer ??= setInterval(this.#look, LOOK_EVERY_MS);
      work.then(
        (value) => {
          this.#remove(bounded);
          resolve(value);
        },
        () => {
          this.#remove(bounded);
          resolve(work);
        },
      );
    });
  }

  readonly #look = (): void => {
    if (this.#underWay.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const nowMs = performance.now();
    for (const bounded of this.#underWay.filter(({ endsAtMs }) => nowMs >= endsAtMs)) {
      this.#remove(bounded);
      bounded.late();
    }
  };

  /** May be called several times. */
  #remove(bounded: Bounded): void {
    if (this.#underWay[bounded.place] !== bounded) return;
    const last = this.#underWay.pop();
    if (last === undefined || last === bounded) return;
    this.#underWay[bounded.place] = last;
    last.place = bounded.place;
  }
}
