import { unavailable } from '../errors/tessera-error.ts';
import { CONTROL_DATABASE } from './control-database.ts';

/** Validates a parsed value; undefined if it has another form. */
export type Shape<T> = (value: unknown) => T | undefined;

/**
 * Reads a JSON column. The service wrote it, so a value of another form means a damaged or manually changed row: 503, never a default, because a
 * partly understood policy could allow too much.
 *
 * @param column for the private reason: `table.column`
 */
export function readJsonColumn<T>(column: string, text: string, shape: Shape<T>): T {
  let value: T | undefined;
  try {
    value = shape(JSON.parse(text));
  } catch (error) {
    throw malformedRow(column, error);
  }
  if (value === undefined) throw malformedRow(column);
  return value;
}

export function malformedRow(column: string, cause?: unknown): Error {
  return unavailable(CONTROL_DATABASE, 'a row is malformed', cause, column);
}

const text: Shape<string> = (value) => (typeof value === 'string' ? value : undefined);

export function word<const Word extends string>(...words: readonly Word[]): Shape<Word> {
  return (value) => words.find((known) => known === value);
}

/** A frozen list whose items all have this shape. */
export function listOf<T>(shape: Shape<T>): Shape<readonly T[]> {
  return (value) => {
    if (!Array.isArray(value)) return undefined;
    const items: T[] = [];
    for (const element of value as readonly unknown[]) {
      const item = shape(element);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return Object.freeze(items);
  };
}

export const texts = listOf(text);

/** A column that holds a list of names. */
export function readNamesColumn(column: string, json: string): readonly string[] {
  return readJsonColumn(column, json, texts);
}

/** The members of an object. Readers ignore unknown members: a later version may have written them. */
export function membersOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}
