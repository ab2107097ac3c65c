import type { Config } from '../config/config.ts';
import type { Clock } from '../domain/clock.ts';
import { visible, visibleJson } from '../domain/text/visible-text.ts';

/** The environment of a command. A test passes its own to observe the command. */
export interface Terminal {
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  /** Measures how long work has taken, so that short work shows no progress. */
  readonly clock: Clock;
  /** The words of the running command without arguments, such as `keys rotate`. Set when it begins. */
  command?: string;
  /** @throws ConfigurationError with all errors at once */
  loadConfig(): Config;
  /** Whether a person can answer questions: standard input and standard error are a terminal. Without it, standard error decides. */
  readonly isInteractive?: boolean;
}

export function isInteractive({ isInteractive: known, stderr }: Terminal): boolean {
  return known ?? stderr.isTTY === true;
}

export interface TextSink {
  write(text: string): unknown;
  /** Whether it is a terminal; only then is progress shown. */
  readonly isTTY?: boolean;
  /** Characters per line; undefined if it is not a terminal. */
  readonly columns?: number | undefined;
}

/** `text` for people, `json` for programs: standard output then holds one JSON document and nothing else. */
export type OutputFormat = 'text' | 'json';

/** @param lines each is printed as one line, whatever it contains: names from a tenant's database are untrusted text */
export function printLines(sink: TextSink, lines: readonly string[]): void {
  if (lines.length > 0) sink.write(`${lines.map(visible).join('\n')}\n`);
}

/** @param text text of any number of lines; untrusted text in it has passed `visible` */
export function printText(sink: TextSink, text: string): void {
  printLines(sink, text.split('\n'));
}

export function printJson(sink: TextSink, document: unknown): void {
  sink.write(`${visibleJson(document)}\n`);
}

/** One line, for output that goes on. */
export function printJsonLine(sink: TextSink, document: unknown): void {
  sink.write(`${visibleJson(document, 0)}\n`);
}

/** Formats rows in columns as wide as their longest cell, two spaces apart. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  const shown = rows.map((row) => row.map(visible));
  for (const row of shown) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  return shown.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Formats seconds since the epoch as an ISO 8601 time. */
export function instant(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toISOString().replace('.000Z', 'Z');
}
