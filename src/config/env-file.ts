import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ConfigurationError } from './configuration-error.ts';

/** A file with more errors is probably not an .env file; listing all its lines would help nobody. */
const MAX_LISTED_ERRORS = 10;

const LINE_FEED = 0x0a;
const BLANK_OR_COMMENT = /^[ \t]*(?:#|$)/;
const ASSIGNMENT = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*(.*)$/;
// A text file contains none of these. UTF-16 read as UTF-8 is full of NUL.
const CONTROL = /[\0-\x08\x0b-\x1f\x7f]/;

/**
 * Reads `.env`: UTF-8, with or without a byte order mark, one assignment per line. An unreadable line stops the start: if it were skipped, its
 * setting would silently have its default.
 *
 * @returns nothing when there is no such file
 * @throws ConfigurationError with the numbers of all invalid lines, never their content
 */
export function readEnvFile(path: string): Readonly<Record<string, string>> {
  const bytes = readIfThere(path);
  const values: Record<string, string> = {};
  const errors: string[] = [];
  for (const [index, line] of linesOf(bytes).entries()) {
    const error = readLine(line, index === 0, values);
    if (error !== undefined) errors.push(`.env, line ${index + 1}: ${error}`);
  }
  if (errors.length > 0) throw new ConfigurationError(shortened(errors));
  return values;
}

function readIfThere(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return Buffer.alloc(0);
    throw new ConfigurationError([
      `.env exists and cannot be read (${code}): let the service's user read it, or remove it`,
    ]);
  }
}

/** Splits bytes, not text, so that a line that is not UTF-8 has a line number. */
function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return [...lines, bytes.subarray(start)];
}

/** Adds the line's assignment to `values`. @returns what is wrong with the line, if anything */
function readLine(bytes: Buffer, isFirst: boolean, values: Record<string, string>): string | undefined {
  const text = decode(bytes, isFirst)?.replace(/\r$/, '');
  if (text === undefined || CONTROL.test(text)) return 'it is not text in UTF-8: save the file as UTF-8';
  if (BLANK_OR_COMMENT.test(text)) return undefined;
  const [, name, value = ''] = ASSIGNMENT.exec(text) ?? [];
  if (name === undefined) return 'it is not an assignment: write NAME=value, or # before a comment';
  const quote = /^["'`]/.exec(value)?.[0];
  if (quote !== undefined) {
    const end = value.indexOf(quote, 1);
    if (end === -1) return 'its quote is not closed: close it on the same line';
    // `parseEnv` would drop it.
    if (!BLANK_OR_COMMENT.test(value.slice(end + 1))) return 'something follows its quotes: quote the whole value';
  }
  Object.assign(values, parseEnv(text));
  return undefined;
}

function decode(bytes: Buffer, isFirst: boolean): string | undefined {
  try {
    // A byte order mark is dropped only at the beginning of the file; in another line it is a character like any other.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: !isFirst }).decode(bytes);
  } catch {
    return undefined;
  }
}

function shortened(errors: readonly string[]): readonly string[] {
  if (errors.length <= MAX_LISTED_ERRORS) return errors;
  return [...errors.slice(0, MAX_LISTED_ERRORS), `.env: ${errors.length - MAX_LISTED_ERRORS} more lines are wrong`];
}
