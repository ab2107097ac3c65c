import { type DestinationStream, pino } from 'pino';

/** A write for each line would cost more than the line. */
const BUFFER_BYTES = 32 * 1024;
/** What a pipe holds. */
const MAX_WRITE_BYTES = 64 * 1024;
const FLUSH_EVERY_MS = 100;

/** Standard output, buffered for at most a tenth of a second. `flushSync` before the process ends. */
export function standardOutput(): DestinationStream & { flushSync(): void } {
  return pino.destination({
    dest: 1,
    sync: false,
    minLength: BUFFER_BYTES,
    maxWrite: MAX_WRITE_BYTES,
    periodicFlush: FLUSH_EVERY_MS,
  });
}
