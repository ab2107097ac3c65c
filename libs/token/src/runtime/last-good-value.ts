export type Reading<V, F> =
  | { readonly kind: 'read'; readonly value: V }
  /** The last good value stays. Nothing is read in the pause that follows, unless a caller insists. */
  | { readonly kind: 'failed'; readonly failure: F }
  /** The source says that there is no value, so the last good one is dropped. */
  | { readonly kind: 'gone'; readonly failure: F };

/** Each bound is inclusive, in milliseconds. An age counts from before the read, because the value may be that old. */
export interface Ages {
  /** Beyond this age, the value is read again in the background. */
  readonly refreshAfterMs: number;
  /** Beyond this age, the value is not used while reading succeeds. */
  readonly maxAgeMs: number;
  /** Beyond this age, the value is not used at all. */
  readonly staleMs: number;
}

export interface ValueSource<V, F> {
  /** Never rejects. */
  readonly read: () => Promise<Reading<V, F>>;
  /** The pause after a failure. `failuresBefore`: failures in a row before this one. */
  readonly pauseMs: (failuresBefore: number) => number;
  /** Time that never goes back. */
  readonly nowMs: () => number;
  readonly ages: Ages;
}

/**
 * A value that is read from a source again and again: one read at a time, shared by all callers, and a pause after a failure. The last good value
 * outlives its maximum age while the source fails.
 *
 * On the path of a young value, nothing is awaited and nothing is allocated. `nowMs` is a parameter there, so that the clock is read once.
 */
export class LastGoodValue<V, F> {
  readonly #source: ValueSource<V, F>;
  #last: V | undefined;
  #readAtMs = -Infinity;
  #inFlight: Promise<Reading<V, F>> | undefined;
  #failed: Extract<Reading<V, F>, { kind: 'failed' }> | undefined;
  #failures = 0;
  #nextReadAtMs = -Infinity;
  /** A change was announced that no later read has seen. */
  #isOutdated = false;

  constructor(source: ValueSource<V, F>) {
    this.#source = source;
  }

  /** The last good value at any age. */
  get last(): V | undefined {
    return this.#last;
  }

  get inFlight(): Promise<Reading<V, F>> | undefined {
    return this.#inFlight;
  }

  /** Whether the last read failed. */
  get isFailing(): boolean {
    return this.#failed !== undefined;
  }

  /** Of the last read. */
  get failure(): F | undefined {
    return this.#failed?.failure;
  }

  /** The end of the pause after a failure. May be in the past. */
  get nextReadAtMs(): number {
    return this.#nextReadAtMs;
  }

  isPausing(nowMs: number): boolean {
    return nowMs < this.#nextReadAtMs;
  }

  /** The last good value, if its age allows. */
  usable(nowMs: number): V | undefined {
    const ageMs = nowMs - this.#readAtMs;
    const { maxAgeMs, staleMs } = this.#source.ages;
    return ageMs <= maxAgeMs || (this.#failed !== undefined && ageMs <= staleMs) ? this.#last : undefined;
  }

  /** Whether the value is younger than its maximum age, and no change was announced that no read has begun after. */
  isCurrent(nowMs: number): boolean {
    return this.#last !== undefined && !this.#isOutdated && nowMs - this.#readAtMs <= this.#source.ages.maxAgeMs;
  }

  /** Whether it is time to begin to read the value again. Not in a pause, and not while it is read. */
  isDue(nowMs: number): boolean {
    if (this.#inFlight !== undefined || nowMs < this.#nextReadAtMs) return false;
    return this.#isOutdated || nowMs - this.#readAtMs > this.#source.ages.refreshAfterMs;
  }

  /** Call after each use of the value: begins to read it again when it is time. */
  refreshInTime(nowMs: number): void {
    if (this.isDue(nowMs)) void this.read();
  }

  /** Joins the read under way, or begins one, even in a pause. Never rejects. */
  read(): Promise<Reading<V, F>> {
    if (this.#inFlight === undefined) {
      this.#isOutdated = false;
      this.#inFlight = this.#read();
    }
    return this.#inFlight;
  }

  /** As `read`, but in a pause gives the last failure again. */
  readUnlessPausing(): Promise<Reading<V, F>> {
    if (this.#inFlight === undefined && this.#failed !== undefined && this.isPausing(this.#source.nowMs()))
      return Promise.resolve(this.#failed);
    return this.read();
  }

  /** The source may have changed: the value is read again at its next use. A read under way may have seen the old state, so another follows it. */
  markOutdated(): void {
    this.#isOutdated = true;
  }

  /** Reads now, in a pause as well, unless the value was read since it was marked. Resolves at the end of the read that is under way. Never rejects. */
  async readIfOutdated(): Promise<void> {
    await (this.#isOutdated ? this.read() : this.#inFlight);
  }

  async #read(): Promise<Reading<V, F>> {
    const { read, nowMs, pauseMs } = this.#source;
    const startedAtMs = nowMs();
    try {
      const reading = await read();
      if (reading.kind === 'gone') this.#last = undefined;
      else if (reading.kind === 'failed') {
        this.#failed = reading;
        this.#nextReadAtMs = nowMs() + pauseMs(this.#failures++);
      } else {
        this.#last = reading.value;
        this.#readAtMs = startedAtMs;
        this.#failed = undefined;
        this.#failures = 0;
        this.#nextReadAtMs = -Infinity;
      }
      return reading;
    } finally {
      this.#inFlight = undefined;
      if (this.#isOutdated && !this.isFailing) void this.read();
    }
  }
}
