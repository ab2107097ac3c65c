import { parseEmail } from '../../domain/email.ts';
import { isGrantName } from '../../domain/names.ts';
import { parseDuration } from './duration.ts';
import type { Faults, Position } from './validation-error.ts';
import { printable, type SourceNode } from './yaml-source.ts';

/** Reads one value; undefined means that its fault has been reported. */
export type Reader<T> = (node: SourceNode, faults: Faults) => T | undefined;

/** Values that a map's fields gave; a field that is undefined had a fault. */
type Read<Shape> = { readonly [Key in keyof Shape]: Shape[Key] | undefined };

/**
 * The fields of one map. Opening it reports every key that is not listed; each field is then read once, so that all faults of a map
 * show at the same time.
 */
export class Fields<Key extends string> {
  readonly at: Position;
  readonly #values: ReadonlyMap<string, { readonly keyAt: Position; readonly value: SourceNode }>;
  readonly #faults: Faults;
  readonly #what: string;

  private constructor(node: SourceNode & { kind: 'map' }, what: string, faults: Faults) {
    this.at = node.at;
    this.#values = node.entries;
    this.#faults = faults;
    this.#what = what;
  }

  static open<Key extends string>(
    node: SourceNode,
    what: string,
    keys: readonly Key[],
    faults: Faults,
  ): Fields<Key> | undefined {
    if (node.kind !== 'map') {
      faults.add(node.at, `${what} must be a map with the keys ${keys.join(', ')}`);
      return undefined;
    }
    for (const [key, { keyAt }] of node.entries) {
      if (!(keys as readonly string[]).includes(key))
        faults.add(keyAt, `${what} has no key "${printable(key)}": use ${keys.join(', ')}`);
    }
    return new Fields<Key>(node, what, faults);
  }

  /** The place of a key's value, or of the whole map when it is left out. */
  place(key: Key): Position {
    return this.#values.get(key)?.value.at ?? this.at;
  }

  node(key: Key): SourceNode | undefined {
    return this.#values.get(key)?.value;
  }

  /** @param hint how to write what is missing */
  required<T>(key: Key, read: Reader<T>, hint: string): T | undefined {
    const entry = this.#values.get(key);
    if (entry !== undefined) return read(entry.value, this.#faults);
    this.#faults.add(this.at, `${this.#what} needs "${key}": ${hint}`);
    return undefined;
  }

  optional<T, Default>(key: Key, read: Reader<T>, fallback: Default): T | Default | undefined {
    const entry = this.#values.get(key);
    return entry === undefined ? fallback : read(entry.value, this.#faults);
  }
}

/** The value if every field of it was read without a fault. `absent` is how a field says "undefined" on purpose. */
export function complete<Shape extends object>(read: Read<Shape>): Shape | undefined {
  return Object.values(read).includes(undefined) ? undefined : (read as Shape);
}

/** Says that a value does not do, and how it should be written. The value itself is not repeated: it may be personal. */
export function matching<T>(parse: (text: string) => T | undefined, expected: string): Reader<T> {
  return (node, faults) => {
    if (node.kind === 'scalar' && typeof node.value === 'string') {
      const value = parse(node.value);
      if (value !== undefined) return value;
    }
    const quoted = node.kind === 'scalar' && (typeof node.value === 'number' || typeof node.value === 'boolean');
    faults.add(node.at, `must be ${expected}${quoted ? '; put it in quotes if it is meant as text' : ''}`);
    return undefined;
  };
}

export function idBy<T>(parse: (value: unknown) => T | undefined): Reader<T> {
  return matching(parse, 'an id: 1 to 64 of a-z, 0-9, "_" and "-", starting with a letter or digit');
}

export function oneOf<const Word extends string>(words: readonly Word[]): Reader<Word> {
  return matching((text) => words.find((word) => word === text), `one of ${words.join(', ')}`);
}

export const grantName: Reader<string> = matching(
  (text) => (isGrantName(text) ? text : undefined),
  'a name of 1 to 128 printable ASCII characters without space, quote and backslash',
);

/** Free text for people: a name on a screen. */
export const displayName: Reader<string> = matching(
  (text) => (/^[^\p{C}\p{Zl}\p{Zp}]{1,200}$/u.test(text) && text.trim() === text ? text : undefined),
  'a text of 1 to 200 characters without control characters and outer spaces',
);

/** An audience or a foreign subject: any visible ASCII, compared exactly. */
export const exactText: Reader<string> = matching(
  (text) => (/^[\x21-\x7e]{1,255}$/.test(text) ? text : undefined),
  'a text of 1 to 255 printable ASCII characters without spaces',
);

export const email = matching(parseEmail, 'an e-mail address in ASCII with exactly one "@" and at most 254 characters');

export function duration(bounds: { readonly maxSeconds: number; readonly maxText: string }): Reader<number> {
  const read = matching(parseDuration, 'a duration such as 90s, 15m, 24h or 7d');
  return (node, faults) => {
    const seconds = read(node, faults);
    if (seconds === undefined || seconds <= bounds.maxSeconds) return seconds;
    faults.add(node.at, `must be at most ${bounds.maxText}`);
    return undefined;
  };
}

export function integer(minimum: number, maximum: number): Reader<number> {
  return (node, faults) => {
    const value = node.kind === 'scalar' ? node.value : undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum) return value;
    faults.add(node.at, `must be a whole number from ${minimum} to ${maximum}`);
    return undefined;
  };
}

/** A list; items with faults are left out of the result and reported, so that the rest of the file can still be checked. */
export function listOf<T>(read: Reader<T>, minimum: { readonly items: 0 | 1 } = { items: 0 }): Reader<readonly T[]> {
  return (node, faults) => {
    if (node.kind !== 'list') {
      faults.add(node.at, 'must be a list; write [] for none');
      return undefined;
    }
    if (node.items.length < minimum.items) faults.add(node.at, 'must list at least one');
    return node.items.map((item) => read(item, faults)).filter((item) => item !== undefined);
  };
}

/** A list whose order means nothing: sorted, and nothing twice. */
export function setOf<T extends string>(read: Reader<T>, minimum?: { readonly items: 0 | 1 }): Reader<readonly T[]> {
  const readList = listOf((node, faults) => {
    const value = read(node, faults);
    return value === undefined ? undefined : { value, at: node.at };
  }, minimum);
  return (node, faults) => {
    const items = readList(node, faults);
    if (items === undefined) return undefined;
    const values = new Set<T>();
    for (const { value, at } of items) {
      if (values.has(value)) faults.add(at, 'stands twice in this list: remove one');
      values.add(value);
    }
    return [...values].sort(byCodeUnit);
  };
}

/** The one order of everything that is sorted: the same on every machine, whatever its locale. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
