import { GRANT_NAME_LENGTH, ID_LENGTH } from '../control-plane/entities/tenant.entity.ts';
import type { Row } from '../database/database.ts';
import type { TenantId } from '../domain/ids.ts';
import type { DirectoryRelations } from '../tenancy/relations/directory-relations.ts';
import { tenantDatabaseFailure } from '../tenancy/tenant-database.ts';
import { readText } from './bounded-text.ts';
import { distinctScopes, type ReadableDirectory } from './grants-query.ts';
import { MAX_GRANT_ROWS } from './grants-texts.ts';
import { columnsOf } from './relation-columns.ts';
import { type GrantPath, pathsFromRoleRows } from './grant-paths.ts';
import type { GrantedScope } from './subject.ts';

/** Roles that are in a directory, and what they permit. */
export interface RoleGrants {
  readonly roles: readonly string[];
  readonly scopes: readonly GrantedScope[];
}

/** Reads roles by name. A role that the directory does not have is left out. */
export async function findRoleGrants(
  directory: ReadableDirectory,
  tenantId: TenantId,
  names: readonly string[],
): Promise<RoleGrants> {
  return grantsOf(await readRoles(directory, tenantId, names));
}

/** The same with the paths to the scopes, from one read. For commands: a token needs no paths. */
export async function findRoleGrantPaths(
  directory: ReadableDirectory,
  tenantId: TenantId,
  names: readonly string[],
): Promise<RoleGrants & { readonly paths: readonly GrantPath[] }> {
  const rows = await readRoles(directory, tenantId, names);
  return { ...grantsOf(rows), paths: pathsFromRoleRows(rows) };
}

/** The rows of these roles and of their scopes. */
async function readRoles(
  directory: ReadableDirectory,
  tenantId: TenantId,
  names: readonly string[],
): Promise<readonly Row[]> {
  const rows = await directory.query(textFor(directory.relations, names.length), [...names, ...names]);
  const owners = rows.filter((row) => row['owner'] !== null);
  if (owners.some((row) => row['owner'] !== tenantId))
    throw tenantDatabaseFailure(tenantId, 'belongs to another tenant');
  if (owners.length === 0) throw tenantDatabaseFailure(tenantId, 'belongs to no tenant');
  if (rows.length > MAX_GRANT_ROWS) throw tenantDatabaseFailure(tenantId, 'a subject has too many grants');
  // Compared byte by byte: a collation may find "Manager" for "manager".
  const wanted = new Set(names);
  return rows.filter((row) => row['owner'] === null && wanted.has(roleOf(row) ?? ''));
}

function grantsOf(rows: readonly Row[]): RoleGrants {
  return { roles: [...new Set(rows.map((row) => roleOf(row) ?? ''))].sort(), scopes: distinctScopes(rows) };
}

function roleOf(row: Row): string | undefined {
  return readText(row, 'role_name', GRANT_NAME_LENGTH);
}

/** Like the grants of a user, it starts from the owner row, so that every read checks whose database answers. */
function textFor(relations: DirectoryRelations, names: number): string {
  const { text, sameName } = columnsOf(relations);
  const { owner, from } = relations;
  const name = (column: string, alias?: string) => text(column, GRANT_NAME_LENGTH, alias);
  // No name is empty: a list of none finds none.
  const listed = names === 0 ? `''` : Array(names).fill('?').join(', ');
  return `
SELECT ${text('o.tenant_id', ID_LENGTH, 'owner')}, NULL AS role_name, NULL AS scope_name, NULL AS resource
  FROM ${owner} o
UNION ALL
SELECT NULL, ${name('r.name')}, NULL, NULL
  FROM ${from.roles} r
 WHERE r.name IN (${listed})
UNION ALL
SELECT NULL, ${name('rs.role_name')}, ${name('rs.scope_name')}, ${name('s.resource')}
  FROM ${from.role_scopes} rs
  LEFT JOIN ${from.scopes} s ON ${sameName('s.name', 'rs.scope_name')}
 WHERE rs.role_name IN (${listed})
LIMIT ${MAX_GRANT_ROWS + 1}`;
}
