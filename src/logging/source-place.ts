import { readFileSync } from 'node:fs';
import { type SourceMapPayload, SourceMap } from 'node:module';
import { dirname, resolve } from 'node:path';

/** Reading a map of the bundle takes about 50 ms, and the same few places are asked for again and again. */
const MAX_KEPT = 200;
const kept = new Map<string, string>();

/**
 * The source of a place in a program file, as `file:line`, if a source map lies beside the file; otherwise the place itself. Node's own source maps
 * (`--enable-source-maps`) would read all maps at the start.
 *
 * @param line from 1
 * @param column from 1
 */
export function sourcePlace(file: string, line: number, column: number): string {
  const key = `${file}:${line}:${column}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  const place = findOrigin(file, line, column) ?? `${file}:${line}`;
  if (kept.size < MAX_KEPT) kept.set(key, place);
  return place;
}

function findOrigin(file: string, line: number, column: number): string | undefined {
  let payload: SourceMapPayload;
  try {
    payload = JSON.parse(readFileSync(`${file}.map`, 'utf8')) as SourceMapPayload;
  } catch {
    return undefined;
  }
  const origin = new SourceMap(payload).findOrigin(line, column);
  return 'fileName' in origin ? `${resolve(dirname(file), origin.fileName)}:${origin.lineNumber}` : undefined;
}
