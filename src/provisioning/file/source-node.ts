import type { Position } from './validation-error.ts';

/** A YAML value with its position in the file. YAML features beyond JSON (tags, merges, streams) are refused before; aliases are resolved. */
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
  /** False if nothing stands behind the key: in YAML that is null too. */
  readonly isWritten: boolean;
}

/** Makes a key safe for a message: no control characters, limited length. */
export function printable(text: string): string {
  const cut = text.length > 64 ? `${text.slice(0, 64)}…` : text;
  return cut.replace(/[^\x20-\x7e…]/g, '?');
}
