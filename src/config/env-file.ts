import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ConfigurationError } from './configuration-error.ts';

/** A file with more of them is of another kind: all its lines would be named. */
const MOST_FAULTS = 10;

const LINE_FEED = 0x0a;
const BLANK_OR_COMMENT = /^[ \t]*(?:#|$)/;
const ASSIGNMENT = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*(.*)$/;
// What a text file has none of: UTF-16 read as UTF-8 is full of NUL.
const CONTROL = /[\0-\x08\x0b-\x1f\x7f]/;

/**
 * Reads `.env`: UTF-8, with a byte order mark or without, one assignment a line. A line that cannot be read stops the start: passed over, it would
 * take a setting with it, and the service would start on its default.
 *
 * @returns nothing when there is no such file
 * @throws ConfigurationError with the numbers of all lines that are wrong, never with what they say
 */
export function readEnvFile(path: string): Readonly<Record<string, string>> {
  const bytes = readIfThere(path);
  const values: Record<string, string> = {};
  const faults: string[] = [];
  for (const [index, line] of linesOf(bytes).entries()) {
    const fault = readLine(line, index === 0, values);
    if (fault !== undefined) faults.push(`.env, line ${index + 1}: ${fault}`);
  }
  if (faults.length > 0) throw new ConfigurationError(shortened(faults));
  return values;
}

function readIfThere(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return Buffer.alloc(0);
    throw new ConfigurationError([
      `.env is there and cannot be read (${code}): let the service's user read it, or remove it`,
    ]);
  }
}

/** By bytes, so that a line that is no UTF-8 has a number. */
function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return [...lines, bytes.subarray(start)];
}

/** Adds what the line assigns. @returns what is wrong with it */
function readLine(bytes: Buffer, isFirst: boolean, values: Record<string, string>): string | undefined {
  const text = decode(bytes, isFirst)?.replace(/\r$/, '');
  if (text === undefined || CONTROL.test(text)) return 'it is not text in UTF-8: save the file as UTF-8';
  if (BLANK_OR_COMMENT.test(text)) return undefined;
  const [, name, value = ''] = ASSIGNMENT.exec(text) ?? [];
  if (name === undefined) return 'it is no assignment: write NAME=value, or # before a comment';
  const quote = /^["'`]/.exec(value)?.[0];
  if (quote !== undefined) {
    const end = value.indexOf(quote, 1);
    if (end === -1) return 'its quote is not closed: a value ends on its line';
    // `parseEnv` would drop it.
    if (!BLANK_OR_COMMENT.test(value.slice(end + 1))) return 'something follows its quotes: quote the whole value';
  }
  Object.assign(values, parseEnv(text));
  return undefined;
}

function decode(bytes: Buffer, isFirst: boolean): string | undefined {
  try {
    // A byte order mark is dropped where it may stand, at the very beginning; in another line it is a character like any other.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: !isFirst }).decode(bytes);
  } catch {
    return undefined;
  }
}

function shortened(faults: readonly string[]): readonly string[] {
  if (faults.length <= MOST_FAULTS) return faults;
  return [...faults.slice(0, MOST_FAULTS), `.env: ${faults.length - MOST_FAULTS} more lines are wrong`];
}
