import { type Alias, isAlias, isMap, isScalar, isSeq, type Node as YamlNode } from 'yaml';
import { printable, type SourceList, type SourceMap, type SourceNode, type SourceScalar } from './source-node.ts';
import type { Owner, Position, ValidationErrors } from './validation-error.ts';

/** Lists of things that have an id or a name. An error in one names the thing, whatever it is inside of. */
const LISTS_OF_THINGS: ReadonlySet<string> = new Set([
  'tenants',
  'issuers',
  'projects',
  'clients',
  'scopes',
  'roles',
  'groups',
  'users',
  'admins',
]);

const ROOT: Owner = { thing: '', member: '' };
const START = { line: 1, column: 1 };

/**
 * Values that all aliases of a file may add together. A person writes an alias for a list of scopes or networks; ten aliases of ten aliases are a file
 * that grows without end ("billion laughs").
 */
const MAX_ALIASED_VALUES = 100_000;
/** A tenants file is eight levels deep. The text alone is limited before; aliases of aliases could be deeper. */
const MAX_DEPTH = 500;

/** Converts the YAML library's nodes. Anything that JSON does not have is refused, except for anchors and aliases, which are resolved within bounds. */
export class YamlConverter {
  readonly #positionOf: (offset: number) => Position;
  readonly #errors: ValidationErrors;
  readonly #anchors = new Map<string, YamlNode>();
  /** What each alias stands for: the last anchor of that name before it, also when it is reached again through another alias. */
  readonly #targets = new Map<Alias, YamlNode | undefined>();
  readonly #open = new Set<unknown>();
  #aliasesAround = 0;
  #aliasedValues = 0;
  #depth = 0;

  constructor(positionOf: (offset: number) => Position, errors: ValidationErrors) {
    this.#positionOf = positionOf;
    this.#errors = errors;
  }

  /** @returns undefined if the aliases stand for too much: what was read is not the file */
  convert(root: unknown): SourceNode | undefined {
    const converted = this.#convert(root, { ...START, owner: ROOT }, ROOT);
    return this.#aliasedValues > MAX_ALIASED_VALUES ? undefined : converted;
  }

  /** @param parent its position is used for an empty value */
  #convert(node: unknown, parent: Position, owner: Owner): SourceNode {
    const at = this.#at(node, parent, owner);
    if (this.#aliasesAround > 0 && ++this.#aliasedValues > MAX_ALIASED_VALUES) {
      if (this.#aliasedValues === MAX_ALIASED_VALUES + 1)
        this.#errors.add(
          at,
          `the aliases of the file stand for more than ${MAX_ALIASED_VALUES} values in all: write fewer`,
        );
      return emptyAt(at);
    }
    if (isAlias(node)) return this.#toTarget(node, at, owner);
    if (isMap(node) || isSeq(node) || isScalar(node)) {
      if (node.anchor !== undefined && this.#aliasesAround === 0) this.#anchors.set(node.anchor, node);
      if (node.tag !== undefined && !isOwnTag(node.tag))
        this.#errors.add(at, 'tags are not supported: write the value without "!"');
    }
    if (isScalar(node))
      return {
        kind: 'scalar',
        at,
        value: toValue(node.value),
        isWritten: node.source !== '' || typeof node.value === 'string',
      };
    if (!isMap(node) && !isSeq(node)) return emptyAt(at);
    if (this.#depth >= MAX_DEPTH) {
      this.#errors.add(at, 'the nesting is too deep for a tenants file');
      return emptyAt(at);
    }
    this.#open.add(node);
    this.#depth++;
    const converted = isMap(node) ? this.#toMap(node.items, at, owner) : this.#toList(node.items, at, owner);
    this.#depth--;
    this.#open.delete(node);
    return converted;
  }

  #toTarget(alias: Alias, at: Position, owner: Owner): SourceNode {
    const target = this.#targets.has(alias) ? this.#targets.get(alias) : this.#anchors.get(alias.source);
    this.#targets.set(alias, target);
    if (target === undefined || this.#open.has(target)) {
      const name = printable(alias.source);
      this.#errors.add(
        at,
        target === undefined
          ? `the alias "*${name}" has no anchor before it: write "&${name}" in front of the value that it stands for`
          : `the alias "*${name}" stands for a value that it is part of: write the value out`,
      );
      return emptyAt(at);
    }
    this.#aliasesAround++;
    const converted = this.#convert(target, at, owner);
    this.#aliasesAround--;
    return converted;
  }

  #toMap(items: readonly { key: unknown; value: unknown }[], at: Position, owner: Owner): SourceMap {
    const entries = new Map<string, { keyAt: Position; value: SourceNode }>();
    for (const { key, value } of items) {
      const name = isScalar(key) && typeof key.value === 'string' ? key.value : undefined;
      const keyAt = this.#at(key, at, owner);
      const member = name === undefined ? '' : printable(name);
      const path = owner.member === '' ? member : `${owner.member}.${member}`;
      const entry = { keyAt, value: this.#convert(value, keyAt, { thing: owner.thing, member: path }) };
      if (name === undefined) this.#errors.add(keyAt, 'a key must be plain text');
      else if (entries.has(name)) this.#errors.add(keyAt, `"${printable(name)}" appears twice in one map: remove one`);
      else entries.set(name, entry);
    }
    return { kind: 'map', at, entries };
  }

  #toList(items: readonly unknown[], at: Position, owner: Owner): SourceList {
    return {
      kind: 'list',
      at,
      items: items.map((item, index) => this.#convert(item, at, this.#ofItem(item, index, owner))),
    };
  }

  #ofItem(item: unknown, index: number, { thing, member }: Owner): Owner {
    const place = `${member}[${index}]`;
    const node = isAlias(item) ? (this.#targets.get(item) ?? this.#anchors.get(item.source)) : item;
    return isMap(node) && LISTS_OF_THINGS.has(member)
      ? { thing: place + labelOf(node.items), member: '' }
      : { thing, member: place };
  }

  #at(node: unknown, parent: Position, owner: Owner): Position {
    const offset = (node as YamlNode | null)?.range?.[0];
    const { line, column } = offset === undefined ? parent : this.#positionOf(offset);
    return { line, column, owner };
  }
}

/** The id or name of a thing, as it is written. An e-mail address in its place is not repeated. */
function labelOf(items: readonly { key: unknown; value: unknown }[]): string {
  for (const { key, value } of items) {
    if (!isScalar(key) || (key.value !== 'id' && key.value !== 'name') || !isScalar(value)) continue;
    // A tenant and a project have both; their id comes first.
    if (key.value === 'name' && items.some((other) => isScalar(other.key) && other.key.value === 'id')) continue;
    const text = String(value.value);
    return text.includes('@') ? '' : ` "${printable(text)}"`;
  }
  return '';
}

function emptyAt(at: Position): SourceScalar {
  // Its own error is enough.
  return { kind: 'scalar', at, value: null, isWritten: true };
}

function isOwnTag(tag: string): boolean {
  return tag === 'tag:yaml.org,2002:map' || tag === 'tag:yaml.org,2002:seq' || tag === 'tag:yaml.org,2002:str';
}

function toValue(value: unknown): SourceScalar['value'] {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}
