import { type DestinationStream, pino } from 'pino';

/** A write for each line would cost more than the line. */
const BUFFER_BYTES = 32 * 1024;
/** What a pipe holds. */
const MAX_WRITE_BYTES = 64 * 1024;
const FLUSH_EVERY_MS = 100;

export interface BufferedOutput extends DestinationStream {
  flushSync(): void;
}

/** Standard output, buffered for at most a tenth of a second. `flushSync` before the process ends. */
export function standardOutput(): BufferedOutput {
  const output = pino.destination({
    dest: 1,
    sync: false,
    minLength: BUFFER_BYTES,
    maxWrite: MAX_WRITE_BYTES,
    periodicFlush: FLUSH_EVERY_MS,
  });
  const lines = new BatchedLines(output);
  output.on('error', (error: NodeJS.ErrnoException) => {
    lines.drop();
    // pino flushes once more when the process ends, and tries that again for ever.
    Object.assign(output, { flushSync: () => undefined, end: () => undefined });
    // The terminal is gone, and with it whoever read this. The requests in flight are still to be answered.
    if (error.code !== 'EIO') throw error;
  });
  return lines;
}

/** Hands over once in a turn of the event loop: pino's destination measures all that it holds at every write, which cost more than making the line. */
class BatchedLines implements BufferedOutput {
  #output: BufferedOutput | undefined;
  #lines = '';

  constructor(output: BufferedOutput) {
    this.#output = output;
  }

  write(line: string): void {
    if (this.#output === undefined) return;
    if (this.#lines === '') setImmediate(this.#handOver);
    this.#lines += line;
  }

  flushSync(): void {
    this.#handOver();
    this.#output?.flushSync();
  }

  /** From now on nothing is written: nobody can read it. */
  drop(): void {
    this.#output = undefined;
    this.#lines = '';
  }

  readonly #handOver = (): void => {
    if (this.#lines === '') return;
    this.#output?.write(this.#lines);
    this.#lines = '';
  };
}
