import type { Terminal, TextSink } from './terminal.ts';
import type { Clock } from '../domain/clock.ts';

/** Work that is shorter than this shows no progress. */
const SILENT_MS = 500;
const INTERVAL_MS = 100;

/** Shows the progress of long work as one line on standard error. Prints nothing if standard error is not a terminal. */
export class Progress {
  readonly #sink: TextSink;
  readonly #clock: Clock;
  readonly #start: number;
  #last = -Infinity;
  #shown = false;

  constructor({ stderr, clock }: Pick<Terminal, 'stderr' | 'clock'>) {
    this.#sink = stderr;
    this.#clock = clock;
    this.#start = clock.monotonicMs();
  }

  show(what: string, done: number, total: number): void {
    const now = this.#clock.monotonicMs();
    if (this.#sink.isTTY !== true || now - this.#start < SILENT_MS || now - this.#last < INTERVAL_MS) return;
    this.#last = now;
    this.#shown = true;
    this.#sink.write(`\r\u001b[K${what} ${done}/${total}`);
  }

  /** Erases the line. */
  end(): void {
    if (this.#shown) this.#sink.write('\r\u001b[K');
  }
}
