import type { DirectoryRelations } from '../tenancy/relations/directory-relations.ts';
import { boundedText } from './bounded-text.ts';

/** How the columns of a directory are read and compared in SQL. */
export interface RelationColumns {
  /** A bounded column of a SELECT, as text, with a name or without. */
  readonly text: (column: string, length: number, name?: string) => string;
  /** Whether two user ids are the same. */
  readonly sameId: (one: string, other: string) => string;
  /** Whether two names of roles, groups or scopes are the same. */
  readonly sameName: (one: string, other: string) => string;
}

/** Tessera's own columns are ASCII with a binary collation. */
const MANAGED: RelationColumns = {
  text: (column, length, name) => named(boundedText(column, length), name),
  sameId: (one, other) => `${one} = ${other}`,
  sameName: (one, other) => `${one} = ${other}`,
};

/**
 * An application's columns have any type of text or integer, and any collation. So texts are converted to one collation, which the parts of a UNION
 * must share, and compared byte by byte: for most collations "Manager", "manager" and "manager " are one name.
 *
 * Ids are also compared as they are, which lets the server use an index: an application has many users, but few roles and scopes.
 */
const EXTERNAL: RelationColumns = {
  text: (column, length, name) =>
    named(`CONVERT(${boundedText(column, length)} USING utf8mb4) COLLATE utf8mb4_bin`, name),
  sameId: (one, other) => `${one} = ${other} AND ${sameBytes(one, other)}`,
  sameName: sameBytes,
};

export function columnsOf({ layout }: DirectoryRelations): RelationColumns {
  return layout === 'external' ? EXTERNAL : MANAGED;
}

function named(column: string, name: string | undefined): string {
  return name === undefined ? column : `${column} AS ${name}`;
}

function sameBytes(one: string, other: string): string {
  return `CAST(${one} AS BINARY) = CAST(${other} AS BINARY)`;
}
