export interface WatchOptions {
  /** Checks the dependency, within a time limit. Never rejects: an error is `away`. */
  readonly look: () => Promise<'there' | 'away'>;
  readonly everyMs: number;
  /** The interval while the dependency is away. Its return must be noticed within the promised 5 s. */
  readonly whileAwayEveryMs: number;
}

/** Checks a dependency in the background, one check at a time. Its timer does not keep the process alive. */
export class DependencyWatch {
  readonly #options: WatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** The first check runs after `afterMs`. */
  start(afterMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.#look();
    }, afterMs);
    this.#timer.unref();
  }

  /** What a check finds after this is not worth a log line: the service itself closes its connections. */
  get isStopped(): boolean {
    return this.#stopped;
  }

  /** Stops the checks. Resolves when none is running any more. */
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
