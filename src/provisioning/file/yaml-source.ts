import { CST, Lexer, LineCounter, parseDocument } from 'yaml';
import type { SourceNode } from './source-node.ts';
import type { ValidationErrors, Position } from './validation-error.ts';
import { YamlConverter } from './yaml-converter.ts';

/** A thousand tenants with a hundred users each take about 12 MB. The parser needs about a hundred times the file's size in memory. */
export const MAX_FILE_BYTES = 16 * 1024 * 1024;

// The parser is recursive and a deeply nested file would crash the process, so the depth is limited before it runs. A tenants file is eight levels
// deep.
const MAX_FLOW_DEPTH = 20;
const MAX_INDENT_COLUMNS = 200;
const MAX_INDICATORS_A_LINE = 20;

const START: Position = { line: 1, column: 1 };

/**
 * The adapter to the YAML library. Reads one document of maps, lists and scalars with unique keys. Never throws: syntax errors are added to `errors`.
 *
 * @returns undefined if there is no document to check
 */
export function readYaml(bytes: Uint8Array, errors: ValidationErrors): SourceNode | undefined {
  if (bytes.byteLength > MAX_FILE_BYTES) {
    errors.add(START, `the file is larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB: split it into several files`);
    return undefined;
  }
  const text = decode(bytes, errors);
  if (text === undefined || !isShallow(text, errors)) return undefined;
  return parse(text, errors);
}

function decode(bytes: Uint8Array, errors: ValidationErrors): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    errors.add(START, 'the file is not UTF-8 text: save it as UTF-8');
    return undefined;
  }
}

/** Checks the nesting depth on the lexer's tokens, which needs no recursion. */
function isShallow(text: string, errors: ValidationErrors): boolean {
  let flowDepth = 0;
  let line = 1;
  let blockIndicators = 0;
  // Entries of a flow collection are siblings, not nested: JSON on one line has many.
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
      errors.add({ line, column: 1 }, 'the nesting is too deep for a tenants file');
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

function parse(text: string, errors: ValidationErrors): SourceNode | undefined {
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
    // The library compares every key with every other, which is quadratic. `toMap` below uses a Map.
    uniqueKeys: false,
  });
  if (document.errors.length > 0) {
    // One YAML mistake causes several parser errors on the same line. The first one is the useful one.
    const lineHasError = new Set<number>();
    for (const error of document.errors) {
      const at = positionOf(error.pos[0]);
      if (!lineHasError.has(at.line)) errors.add(at, explain(error.code, error.message));
      lineHasError.add(at.line);
    }
    return undefined;
  }
  if (document.contents === null) {
    errors.add(START, 'the file is empty: it must start with "apiVersion: tessera/v1"');
    return undefined;
  }
  return new YamlConverter(positionOf, errors).convert(document.contents);
}

/** Some messages of the library quote the file. Only messages that cannot quote it are passed on. */
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
