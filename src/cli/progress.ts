import type { Terminal, TextSink } from './terminal.ts';
import type { Clock } from '../domain/clock.ts';

/** Shorter work needs no telling. */
const SILENT_MS = 500;
const INTERVAL_MS = 100;

/** One line on standard error that tells how far long work is; nothing at all when nobody looks. */
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

  /** Leaves the line as if it had never been there. */
  end(): void {
    if (this.#shown) this.#sink.write('\r\u001b[K');
  }
}
