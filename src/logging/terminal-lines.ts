import { pino } from 'pino';
import { isVisible, visible } from '../domain/text/visible-text.ts';

/** As wide as the longest level. */
const LEVEL_WIDTH = 5;

/**
 * Formats a JSON line of `Log` for a person at a terminal: local time, level, event, fields.
 *
 * @param line ends with a line feed
 * @returns the line, with a line feed; what is not a line of `Log` is returned as it is
 */
export function formatForTerminal(line: string): string {
  const entry = parseEntry(line);
  if (entry === undefined) return line;
  const { level, time, event, ...fields } = entry;
  const name = pino.levels.labels[level] ?? String(level);
  const shown = Object.entries(fields).map(([field, value]) => `${field}=${formatValue(value)}`);
  return `${[timeOfDay(time), name.padEnd(LEVEL_WIDTH), visible(event), ...shown].join(' ')}\n`;
}

interface Entry {
  readonly level: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly event: string;
}

function parseEntry(line: string): (Entry & Readonly<Record<string, unknown>>) | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    return isEntry(entry) ? entry : undefined;
  } catch {
    return undefined;
  }
}

function isEntry(value: unknown): value is Entry & Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const { level, time, event } = value as Partial<Record<keyof Entry, unknown>>;
  return typeof level === 'number' && typeof time === 'number' && typeof event === 'string';
}

/** A text with a space or a quote is quoted, so that it is seen where it ends. Nothing reaches the terminal that acts on it. */
function formatValue(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"]+$/.test(value) && isVisible(value)) return value;
  return visible(JSON.stringify(value));
}

function timeOfDay(milliseconds: number): string {
  const time = new Date(milliseconds);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}
