export interface WatchOptions {
  /** Resolves when the dependency serves now; bounded in time. Never rejects: it says itself what it found. */
  readonly look: () => Promise<'there' | 'away'>;
  readonly everyMs: number;
  /** While it is away. One that comes back must be found within the promised 5 s. */
  readonly whileAwayEveryMs: number;
}

/** Looks after a dependency in the background, one look at a time. Keeps no process alive. */
export class DependencyWatch {
  readonly #options: WatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** The first look is after `afterMs`. */
  start(afterMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.#look();
    }, afterMs);
    this.#timer.unref();
  }

  /** Resolves when no look is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { look, everyMs, whileAwayEveryMs } = this.#options;
    this.start((await look()) === 'there' ? everyMs : whileAwayEveryMs);
  }
}
