import { parseEmail } from '../../../domain/email.ts';
import { isGrantName } from '../../../domain/names.ts';
import { parseDuration } from '../duration.ts';
import type { ValidationErrors, Position } from '../validation-error.ts';
import type { Member, Place } from '../partial-tenants-file.ts';
import { printable, type SourceMap, type SourceNode } from '../source-node.ts';

/** Reads one value. Undefined means that an error has been reported. */
export type Reader<T> = (node: SourceNode, errors: ValidationErrors) => T | undefined;

/** The values of a map's fields. Undefined means that the field was invalid. */
type Read<Shape> = { readonly [Key in keyof Shape]: Shape[Key] | undefined };

/** The fields of one map. Opening it reports every unknown key. Each field is then read once, so that all errors of a map are reported together. */
export class Fields<Key extends string> {
  readonly at: Position;
  readonly #values: ReadonlyMap<string, { readonly keyAt: Position; readonly value: SourceNode }>;
  readonly #errors: ValidationErrors;
  readonly #what: string;
  /** For errors that are found when the thing is merged with what exists. */
  readonly source: Place;

  private constructor(node: SourceNode & { kind: 'map' }, what: string, errors: ValidationErrors) {
    this.at = node.at;
    this.#values = node.entries;
    this.#errors = errors;
    this.#what = what;
    this.source = placeOf(node);
  }

  static open<Key extends string>(
    node: SourceNode,
    what: string,
    keys: readonly Key[],
    errors: ValidationErrors,
  ): Fields<Key> | undefined {
    if (node.kind !== 'map') {
      errors.add(node.at, `${what} must be a map with the keys ${keys.join(', ')}`);
      return undefined;
    }
    for (const [key, { keyAt }] of node.entries) {
      if (!(keys as readonly string[]).includes(key))
        errors.add(keyAt, `${what} has no key "${printable(key)}": use ${keys.join(', ')}`);
    }
    return new Fields<Key>(node, what, errors);
  }

  /** The position of a key's value, or of the whole map if the key is missing. */
  place(key: Key): Position {
    return this.#values.get(key)?.value.at ?? this.at;
  }

  node(key: Key): SourceNode | undefined {
    return this.#values.get(key)?.value;
  }

  /** @param hint how to write the missing key */
  required<T>(key: Key, read: Reader<T>, hint: string): T | undefined {
    const entry = this.#values.get(key);
    if (entry !== undefined) return read(entry.value, this.#errors);
    this.#errors.add(this.at, `${this.#what} needs "${key}": ${hint}`);
    return undefined;
  }

  /** Undefined also for an invalid value: `place` tells it from one that is left out. */
  member<T>(key: Key, read: Reader<T>): Member<T> {
    const node = this.#values.get(key)?.value;
    if (node === undefined) return undefined;
    if (node.kind !== 'scalar' || node.value !== null) return read(node, this.#errors);
    if (node.isWritten) return null;
    // Nothing behind "status:" must not make a disabled user active.
    this.#errors.add(node.at, 'must have a value, or null for the default of a new thing');
    return undefined;
  }

  /**
   * A member that may be left out but not be null, such as a list of things: an empty line in a file would be the removal of all of them. Undefined also
   * for an invalid value.
   */
  optional<T>(key: Key, read: Reader<T>): T | undefined {
    const node = this.#values.get(key)?.value;
    return node === undefined ? undefined : read(node, this.#errors);
  }
}

/** The value if every field of it is valid. `absent` means a field that is undefined on purpose. */
export function complete<Shape extends object>(read: Read<Shape>): Shape | undefined {
  return Object.values(read).includes(undefined) ? undefined : (read as Shape);
}

function placeOf(node: SourceMap): Place {
  return {
    at: node.at,
    has: (member) => node.entries.has(member),
    of: (member, item) => {
      const value = node.entries.get(member)?.value;
      const found =
        value?.kind === 'list' && item !== undefined
          ? value.items.find((one) => one.kind === 'scalar' && one.value === item)
          : undefined;
      return (found ?? value ?? node).at;
    },
  };
}

/** Reports an invalid value and how to write it. The value itself is not repeated: it may be personal data. */
export function matching<T>(parse: (text: string) => T | undefined, expected: string): Reader<T> {
  return (node, errors) => {
    if (node.kind === 'scalar' && typeof node.value === 'string') {
      const value = parse(node.value);
      if (value !== undefined) return value;
    }
    const quoted = node.kind === 'scalar' && (typeof node.value === 'number' || typeof node.value === 'boolean');
    errors.add(node.at, `must be ${expected}${quoted ? '; put it in quotes if it is meant as text' : ''}`);
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

/** An audience: any visible ASCII, compared exactly. */
export const exactText: Reader<string> = matching(
  (text) => (/^[\x21-\x7e]{1,255}$/.test(text) ? text : undefined),
  'a text of 1 to 255 printable ASCII characters without spaces',
);

/**
 * Refuses what people write for "any" where the text is compared to the letter. Read as it stands, it would match nothing; at another program it is a
 * pattern, and whoever wrote it believes that it is one here.
 */
export function withoutPatterns<T>(read: Reader<T>): Reader<T> {
  return (node, errors) => {
    const pattern = node.kind === 'scalar' && typeof node.value === 'string' ? patternIn(node.value) : undefined;
    if (pattern === undefined) return read(node, errors);
    errors.add(
      node.at,
      `is compared to the letter, and "${pattern}" stands for nothing else: write each value in full`,
    );
    return undefined;
  };
}

/** The first part of a text that `withoutPatterns` refuses. */
export function patternIn(text: string): string | undefined {
  return /\*|\{tenant[ _-]?id\}/i.exec(text)?.[0];
}

export const email = matching(parseEmail, 'an e-mail address in ASCII with exactly one "@" and at most 254 characters');

export function duration(bounds: { readonly maxSeconds: number; readonly maxText: string }): Reader<number> {
  const read = matching(parseDuration, 'a duration such as 90s, 15m, 24h or 7d');
  return (node, errors) => {
    const seconds = read(node, errors);
    if (seconds === undefined || seconds <= bounds.maxSeconds) return seconds;
    errors.add(node.at, `must be at most ${bounds.maxText}`);
    return undefined;
  };
}

export function integer(minimum: number, maximum: number): Reader<number> {
  return (node, errors) => {
    const value = node.kind === 'scalar' ? node.value : undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum) return value;
    errors.add(node.at, `must be a whole number from ${minimum} to ${maximum}`);
    return undefined;
  };
}

/** Reads a list. Invalid items are reported and left out of the result, so that the rest of the file can still be checked. */
export function listOf<T>(read: Reader<T>, minimum: { readonly items: 0 | 1 } = { items: 0 }): Reader<readonly T[]> {
  return (node, errors) => {
    if (node.kind !== 'list') {
      errors.add(node.at, 'must be a list; write [] for none');
      return undefined;
    }
    if (node.items.length < minimum.items) errors.add(node.at, 'must list at least one');
    return node.items.map((item) => read(item, errors)).filter((item) => item !== undefined);
  };
}

/** Reads a list that means a set: sorted, without duplicates. */
export function setOf<T extends string>(read: Reader<T>, minimum?: { readonly items: 0 | 1 }): Reader<readonly T[]> {
  const readList = listOf((node, errors) => {
    const value = read(node, errors);
    return value === undefined ? undefined : { value, at: node.at };
  }, minimum);
  return (node, errors) => {
    const items = readList(node, errors);
    if (items === undefined) return undefined;
    const values = new Set<T>();
    for (const { value, at } of items) {
      if (values.has(value)) errors.add(at, 'appears twice in this list: remove one');
      values.add(value);
    }
    return [...values].sort(byCodeUnit);
  };
}

/** Reads a restriction, or the word that explicitly says that there is none. */
export function wordOr<const Word extends string, T>(word: Word, read: Reader<T>): Reader<T | Word> {
  return (node, errors) => (node.kind === 'scalar' && node.value === word ? word : read(node, errors));
}

/** The sort order everywhere in provisioning: the same on every machine, whatever its locale. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
