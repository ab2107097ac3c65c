import type { TextSink } from './terminal.ts';

/** Shorter work needs no telling. */
const SILENT_MS = 500;
const INTERVAL_MS = 100;

/** One line on standard error that tells how far long work is; nothing at all when nobody looks. */
export class Progress {
  readonly #sink: TextSink;
  readonly #start = performance.now();
  #last = -Infinity;
  #shown = false;

  constructor(sink: TextSink) {
    this.#sink = sink;
  }

  show(what: string, done: number, total: number): void {
    const now = performance.now();
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
