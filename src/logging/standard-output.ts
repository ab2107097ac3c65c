import { isatty } from 'node:tty';
import { type DestinationStream, pino } from 'pino';
import { Log } from './log.ts';
import { formatForTerminal } from './terminal-lines.ts';

const STDOUT = 1;

/** Collected before a write: one write per line would cost more than making the line. */
const BUFFER_CHARACTERS = 32 * 1024;
/** The capacity of a pipe. */
const MAX_WRITE_BYTES = 64 * 1024;
/** Of the lines here, and then of what the destination holds. */
const FLUSH_EVERY_MS = 50;
/** Lines that wait for a reader that does not read, or for a disk that is full. What comes then is dropped, and counted. */
const MAX_HELD_BYTES = 8 * 1024 * 1024;
/** The disk is full: the lines wait until it has room. A full disk of the log must not end the service. */
const WAITS: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT']);

export interface BufferedOutput extends DestinationStream {
  flushSync(): void;
}

/** Standard output, buffered for at most 100 ms. Call `flushSync` before the process ends. A terminal gets lines for people in place of JSON. */
export function standardOutput(): BufferedOutput {
  const output = pino.destination({
    dest: STDOUT,
    sync: false,
    // What it still holds when a process ends is written to the end, and what it is writing is not.
    minLength: BUFFER_CHARACTERS,
    maxWrite: MAX_WRITE_BYTES,
    maxLength: MAX_HELD_BYTES,
    periodicFlush: FLUSH_EVERY_MS,
  });
  const lines = new BatchedLines(output, isatty(STDOUT) ? formatForTerminal : asItIs);
  let isStuck = false;
  const flushSync = output.flushSync.bind(output);
  // When the process ends, pino flushes once more, and would retry forever what cannot be written.
  Object.assign(output, {
    flushSync: () => {
      if (!isStuck) flushSync();
    },
  });
  output.on('write', () => {
    isStuck = false;
  });
  output.on('drop', () => {
    lines.refused();
  });
  output.on('error', (error: NodeJS.ErrnoException) => {
    isStuck = true;
    if (WAITS.has(error.code)) return;
    lines.drop();
    Object.assign(output, { end: () => undefined });
    // EIO: the terminal is gone, and nobody reads the log any more. The requests in flight must still be answered.
    if (error.code !== 'EIO') throw error;
  });
  return lines;
}

function asItIs(line: string): string {
  return line;
}

/** Collects the lines itself: at each write, pino's destination copies and measures everything that it holds, which cost more than making a line. */
class BatchedLines implements BufferedOutput {
  #output: BufferedOutput | undefined;
  readonly #format: (line: string) => string;
  #lines = '';
  #isRefused = false;
  /** Lines that could not be held, and of which no line tells yet. */
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(output: BufferedOutput, format: (line: string) => string) {
    this.#output = output;
    this.#format = format;
  }

  write(line: string): void {
    if (this.#output === undefined) return;
    this.#lines += this.#format(line);
    if (this.#lines.length >= BUFFER_CHARACTERS) this.#writeAll();
    else this.#timer ??= setTimeout(this.#writeAll, FLUSH_EVERY_MS);
  }

  flushSync(): void {
    this.#writeAll();
    this.#output?.flushSync();
  }

  /** Stops writing: nobody can read the output any more. */
  drop(): void {
    this.#output = undefined;
    this.#lines = '';
  }

  /** Call when the output did not take what it is being given. */
  refused(): void {
    this.#isRefused = true;
  }

  readonly #writeAll = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines === '') return;
    const lines = this.#lines;
    this.#lines = '';
    this.#isRefused = false;
    this.#output?.write(this.#dropped === 0 ? lines : this.#format(droppedLine(this.#dropped)) + lines);
    this.#dropped = this.#wasRefused() ? this.#dropped + lines.split('\n').length - 1 : 0;
  };

  #wasRefused(): boolean {
    return this.#isRefused;
  }
}

function droppedLine(lines: number): string {
  let text = '';
  const log = new Log('warn', { write: (line) => (text = line) });
  log.warn('log_lines_dropped', { lines });
  return text;
}
