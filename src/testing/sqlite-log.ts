import { closeSync, existsSync, openSync, readSync } from 'node:fs';

const SEQUENCE_AT = 12;

/**
 * How often the write-ahead log of a database has begun anew, which is the end of a checkpoint: the sequence number in its header.
 * https://www.sqlite.org/fileformat2.html#walformat
 *
 * @returns 0 if there is no log, or an empty one
 */
export function logSequence(database: string): number {
  if (!existsSync(`${database}-wal`)) return 0;
  const log = openSync(`${database}-wal`, 'r');
  const sequence = Buffer.alloc(4);
  readSync(log, sequence, 0, sequence.length, SEQUENCE_AT);
  closeSync(log);
  return sequence.readUInt32BE();
}
