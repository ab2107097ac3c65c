import { type Node as YamlNode, CST, isMap, isScalar, isSeq, Lexer, LineCounter, parseDocument } from 'yaml';
import type { Faults, Position } from './validation-error.ts';

/** A YAML value with its place in the file. What YAML knows beyond JSON (anchors, tags, merges, streams) never gets here. */
export type SourceNode = SourceMap | SourceList | SourceScalar;

export interface SourceMap {
  readonly kind: 'map';
  readonly at: Position;
  readonly entries: ReadonlyMap<string, { readonly keyAt: Position; readonly value: SourceNode }>;
}

export interface SourceList {
  readonly kind: 'list';
  readonly at: Position;
  readonly items: readonly SourceNode[];
}

export interface SourceScalar {
  readonly kind: 'scalar';
  readonly at: Position;
  readonly value: string | number | boolean | null;
}

/** A thousand tenants with a hundred users each take about 12 MB; the parser needs some hundred times the file's size in memory. */
export const MAX_FILE_BYTES = 16 * 1024 * 1024;

// The parser is recursive and a deep file ends the whole process, so depth is bounded before it runs. A tenants file is eight levels deep.
const MAX_FLOW_DEPTH = 20;
const MAX_INDENT_COLUMNS = 200;
const MAX_INDICATORS_A_LINE = 20;

const START: Position = { line: 1, column: 1 };

/**
 * The door to the YAML library: one document of maps, lists and scalars, every key once. Never throws: what is wrong with the text is a fault.
 *
 * @returns undefined when there is nothing to go on with
 */
export function readYaml(bytes: Uint8Array, faults: Faults): SourceNode | undefined {
  if (bytes.byteLength > MAX_FILE_BYTES) {
    faults.add(START, `the file is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB: split it into several files`);
    return undefined;
  }
  const text = decode(bytes, faults);
  if (text === undefined || !isShallow(text, faults)) return undefined;
  return parse(text, faults);
}

function decode(bytes: Uint8Array, faults: Faults): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    faults.add(START, 'the file is not UTF-8 text: save it as UTF-8');
    return undefined;
  }
}

/** Walks the lexer's tokens, which needs no recursion, and refuses what would nest too deep for the parser. */
function isShallow(text: string, faults: Faults): boolean {
  let flowDepth = 0;
  let line = 1;
  let blockIndicators = 0;
  // Entries of a flow collection stand beside each other, not in each other: JSON on one line has many.
  let entryIndicators = 0;
  let atLineStart = true;
  for (const token of new Lexer().lex(text)) {
    const type = CST.tokenType(token);
    if (type === 'flow-map-start' || type === 'flow-seq-start') flowDepth++;
    else if (type === 'flow-map-end' || type === 'flow-seq-end') flowDepth--;
    if (isIndicator(type) && flowDepth === 0) blockIndicators++;
    else if (isIndicator(type)) entryIndicators++;
    else if (isEntryBoundary(type)) entryIndicators = 0;
    const tooFarIn = atLineStart && type === 'space' && flowDepth === 0 && token.length > MAX_INDENT_COLUMNS;
    const tooMany = Math.max(blockIndicators, entryIndicators) > MAX_INDICATORS_A_LINE;
    if (flowDepth > MAX_FLOW_DEPTH || tooFarIn || tooMany) {
      faults.add({ line, column: 1 }, 'the nesting is too deep for a tenants file');
      return false;
    }
    const breaks = countLineBreaks(token);
    line += breaks;
    atLineStart = type === 'newline';
    if (breaks > 0 && flowDepth === 0) blockIndicators = 0;
  }
  return true;
}

type TokenType = ReturnType<typeof CST.tokenType>;

function isIndicator(type: TokenType): boolean {
  return type === 'seq-item-ind' || type === 'explicit-key-ind' || type === 'map-value-ind';
}

function isEntryBoundary(type: TokenType): boolean {
  return (
    type === 'comma' ||
    type === 'flow-map-start' ||
    type === 'flow-seq-start' ||
    type === 'flow-map-end' ||
    type === 'flow-seq-end'
  );
}

function countLineBreaks(token: string): number {
  let count = 0;
  for (let at = token.indexOf('\n'); at !== -1; at = token.indexOf('\n', at + 1)) count++;
  return count;
}

function parse(text: string, faults: Faults): SourceNode | undefined {
  const lines = new LineCounter();
  const positionOf = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return line === 0 ? START : { line, column: col };
  };
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
    version: '1.2',
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
    stringKeys: true,
    // The library compares every key with every other; `toMap` below does it with a Map.
    uniqueKeys: false,
  });
  if (document.errors.length > 0) {
    // One slip in YAML makes the parser stumble over the same line several times: its first word about it is the useful one.
    const lineHasFault = new Set<number>();
    for (const error of document.errors) {
      const at = positionOf(error.pos[0]);
      if (!lineHasFault.has(at.line)) faults.add(at, explain(error.code, error.message));
      lineHasFault.add(at.line);
    }
    return undefined;
  }
  if (document.contents === null) {
    faults.add(START, 'the file is empty: it must start with "apiVersion: tessera/v1"');
    return undefined;
  }
  return new Converter(positionOf, faults).convert(document.contents, START);
}

/** The library's own words quote the file's text in places; only those that cannot are passed on. */
function explain(code: string, message: string): string {
  switch (code) {
    case 'MULTIPLE_DOCS':
      return 'the file holds more than one YAML document: remove the "---" line';
    case 'NON_STRING_KEY':
      return 'a key must be plain text';
    case 'TAG_RESOLVE_FAILED':
      return 'tags are not supported: write the value without "!"';
    case 'TAB_AS_INDENT':
      return 'tabs cannot indent YAML: use spaces';
    case 'BAD_INDENT':
    case 'MISSING_CHAR':
    case 'MULTILINE_IMPLICIT_KEY':
      return /^[\w ,;:.()'[\]{}-]{1,120}$/.test(message) ? `not valid YAML: ${message}` : 'not valid YAML';
    default:
      return `not valid YAML (${code.toLowerCase().replaceAll('_', ' ')})`;
  }
}

class Converter {
  constructor(
    private readonly positionOf: (offset: number) => Position,
    private readonly faults: Faults,
  ) {}

  /** @param fallback the place of the parent, for a value that is not written at all */
  convert(node: unknown, fallback: Position): SourceNode {
    const at = this.at(node, fallback);
    if (isMap(node) || isSeq(node) || isScalar(node)) {
      // Every line says itself what it means, and nothing can grow beyond the file's own size.
      if (node.anchor !== undefined) this.faults.add(at, 'anchors are not supported: write the value where it is used');
      if (node.tag !== undefined && !isOwnTag(node.tag))
        this.faults.add(at, 'tags are not supported: write the value without "!"');
    }
    if (isMap(node)) return this.toMap(node.items, at);
    if (isSeq(node)) return { kind: 'list', at, items: node.items.map((item) => this.convert(item, at)) };
    if (isScalar(node)) return { kind: 'scalar', at, value: toValue(node.value) };
    if (node !== null) this.faults.add(at, 'aliases are not supported: write the value out');
    return { kind: 'scalar', at, value: null };
  }

  private toMap(items: readonly { key: unknown; value: unknown }[], at: Position): SourceMap {
    const entries = new Map<string, { keyAt: Position; value: SourceNode }>();
    for (const { key, value } of items) {
      const keyAt = this.at(key, at);
      const name = isScalar(key) && typeof key.value === 'string' ? key.value : undefined;
      const entry = { keyAt, value: this.convert(value, keyAt) };
      if (name === undefined) this.faults.add(keyAt, 'a key must be plain text');
      else if (entries.has(name)) this.faults.add(keyAt, `"${printable(name)}" stands twice in one map: remove one`);
      else entries.set(name, entry);
    }
    return { kind: 'map', at, entries };
  }

  private at(node: unknown, fallback: Position): Position {
    const offset = (node as YamlNode | null)?.range?.[0];
    return offset === undefined ? fallback : this.positionOf(offset);
  }
}

function isOwnTag(tag: string): boolean {
  return tag === 'tag:yaml.org,2002:map' || tag === 'tag:yaml.org,2002:seq' || tag === 'tag:yaml.org,2002:str';
}

function toValue(value: unknown): SourceScalar['value'] {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}

/** A key as it may stand in a message: no control characters, not endless. */
export function printable(text: string): string {
  const cut = text.length > 64 ? `${text.slice(0, 64)}…` : text;
  return cut.replace(/[^\x20-\x7e…]/g, '?');
}
