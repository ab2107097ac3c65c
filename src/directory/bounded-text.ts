import { unavailable } from '../errors/tessera-error.ts';
import type { Row } from '../database/database.ts';
import { GRANT_NAME_LENGTH } from '../control-plane/entities/tenant.entity.ts';
import { isGrantName } from '../domain/names.ts';
import { TENANT_DATABASE } from '../tenancy/tenant-database.ts';

/**
 * A column of a tenant's database in a SELECT. The tenant may have given it any type and length, or made it a view. Only as much of a value is read
 * as shows that it is too long.
 */
export function selectText(column: string, length: number, name = column): string {
  return `${boundedText(column, length)} AS ${name}`;
}

/** The same without a name. */
export function boundedText(column: string, length: number): string {
  return `SUBSTR(${column}, 1, ${length + 1})`;
}

/**
 * Reads the value of a column that was selected with `selectText`; undefined for NULL.
 *
 * @throws TesseraError `temporarily_unavailable` for a value that a valid directory cannot hold
 */
export function readText(row: Row, name: string, length: number): string | undefined {
  const value = row[name];
  if (value === null || value === undefined) return undefined;
  if (typeof value !== 'string') throw unavailable(TENANT_DATABASE, 'holds a value that is not text');
  // In characters, as the databases count them: one outside the first 65,536 has two of JavaScript's units.
  if (value.length > length && Array.from(value).length > length)
    throw unavailable(TENANT_DATABASE, 'holds a value that is too long');
  return value;
}

/** Like `readText`, for a column that must not be NULL. */
export function readRequiredText(row: Row, name: string, length: number): string {
  const value = readText(row, name, length);
  if (value === undefined) throw unavailable(TENANT_DATABASE, 'lacks a value that it must have');
  return value;
}

/**
 * Like `readText`, for the name of a scope. The scopes of a token are one text, separated by spaces (RFC 6749, section 3.3): a name with a space would
 * be several scopes. Roles, groups and resources are lists, so an application may name its roles as it likes.
 */
export function readScopeName(row: Row, name: string): string | undefined {
  const value = readText(row, name, GRANT_NAME_LENGTH);
  if (value !== undefined && !isGrantName(value)) throw unavailable(TENANT_DATABASE, 'holds a scope that is malformed');
  return value;
}
