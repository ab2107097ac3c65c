import type { Config } from '../config/config.ts';
import type { Clock } from '../domain/clock.ts';
import { visible, visibleJson } from '../domain/visible-text.ts';

/** All that a command sees of the world outside: what a test hands over to watch it. */
export interface Terminal {
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  /** Tells how long the work has taken, so that progress of short work stays unsaid. */
  readonly clock: Clock;
  /** @throws ConfigurationError with all faults at once */
  loadConfig(): Config;
}

export interface TextSink {
  write(text: string): unknown;
  /** True when a person looks at it: only then is there progress to see. */
  readonly isTTY?: boolean;
  /** Characters a line; undefined when it is no terminal. */
  readonly columns?: number | undefined;
}

/** `text` for people, `json` for programs: then standard output holds one JSON document and nothing else. */
export type OutputFormat = 'text' | 'json';

/** @param lines one line each, whatever is in it: names from a tenant's database are others' text */
export function printLines(sink: TextSink, lines: readonly string[]): void {
  if (lines.length > 0) sink.write(`${lines.map(visible).join('\n')}\n`);
}

/** @param text of our own and of any number of lines; others' text in it has passed `visible` */
export function printText(sink: TextSink, text: string): void {
  printLines(sink, text.split('\n'));
}

export function printJson(sink: TextSink, document: unknown): void {
  sink.write(`${visibleJson(document)}\n`);
}

/** Columns as wide as their longest cell, two spaces apart. */
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

/** Seconds since the epoch as people and programs both read them. */
export function instant(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toISOString().replace('.000Z', 'Z');
}
