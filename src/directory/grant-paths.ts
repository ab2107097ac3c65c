import type { Row } from '../database/database.ts';
import { GRANT_NAME_LENGTH } from '../control-plane/entities/tenant.entity.ts';
import { readScopeName, readText } from './bounded-text.ts';

/** One way in which a subject has a scope. A scope may have several. */
export interface GrantPath {
  readonly scope: string;
  /** Undefined: the scope is the subject's own, as those of administrators are. */
  readonly role: string | undefined;
  /** The group that the subject has the role from; undefined: the role is the subject's own. */
  readonly group: string | undefined;
}

/** @param rows of the grants query, which has a row for each path */
export function pathsFromRows(rows: readonly Row[], subjectId: string): readonly GrantPath[] {
  return pathsIn(rows.filter((row) => row['owner'] === null && row['id'] === subjectId));
}

/** @param rows of roles and their scopes */
export function pathsFromRoleRows(rows: readonly Row[]): readonly GrantPath[] {
  return pathsIn(rows.map((row) => ({ ...row, group_name: null })));
}

function pathsIn(rows: readonly Row[]): readonly GrantPath[] {
  const paths = new Map<string, GrantPath>();
  for (const row of rows) {
    const scope = readScopeName(row, 'scope_name');
    const role = readText(row, 'role_name', GRANT_NAME_LENGTH);
    const group = readText(row, 'group_name', GRANT_NAME_LENGTH);
    if (scope !== undefined) paths.set(JSON.stringify([scope, role, group]), { scope, role, group });
  }
  return [...paths.values()].sort(
    (a, b) => compare(a.scope, b.scope) || compare(a.role, b.role) || compare(a.group, b.group),
  );
}

function compare(a = '', b = ''): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
