import type { DirectoryRelations } from '../../../tenancy/relations/directory-relations.ts';
import type { DirectoryFacts } from '../facts.ts';
import type { Check, Found } from '../finding.ts';

/** The columns that name something of another table. Their foreign keys may be missing, or may not have been checked when a row was written. */
const LINKS = [
  ['role_scopes', 'role_name', 'roles', 'name'],
  ['role_scopes', 'scope_name', 'scopes', 'name'],
  ['user_group_roles', 'group_name', 'user_groups', 'name'],
  ['user_group_roles', 'role_name', 'roles', 'name'],
  ['user_roles', 'user_id', 'users', 'id'],
  ['user_roles', 'role_name', 'roles', 'name'],
  ['user_group_members', 'user_id', 'users', 'id'],
  ['user_group_members', 'group_name', 'user_groups', 'name'],
  ['user_identities', 'user_id', 'users', 'id'],
] as const;

/** More are not counted. */
const COUNTED = 1000;

type From = DirectoryRelations['from'];

const hasNone = (from: From, [table, column, target, key]: (typeof LINKS)[number]) =>
  `NOT EXISTS (SELECT * FROM ${from[target]} WHERE ${from[target]}.${key} = ${from[table]}.${column})`;

/** One statement for all, because a thousand directories are asked. */
const counts = (from: From) =>
  LINKS.map((link, index) => {
    const counted = `SELECT 1 AS one FROM ${from[link[0]]} WHERE ${hasNone(from, link)} LIMIT ${COUNTED}`;
    return `SELECT ${index} AS link, COUNT(*) AS orphans FROM (${counted}) AS counted_${index}`;
  }).join(' UNION ALL ');

/** No row of the directory's link tables names a user, a group, a role or a scope that does not exist. */
export const directoryLinksCheck: Check<DirectoryFacts> = {
  name: 'directory-links',
  run: async ({ directory, state: { tenant } }) => {
    const { from } = directory.relations;
    const rows = await directory.query(counts(from));
    const found = new Map(rows.map((row) => [Number(row['link']), Number(row['orphans'])]));
    return LINKS.flatMap((link, index): Found[] => {
      const [table, target] = [from[link[0]], from[link[2]]];
      const column = link[1];
      const count = found.get(index) ?? 0;
      if (count === 0) return [];
      return [
        {
          severity: 'warning',
          object: `database of ${tenant.id}`,
          problem: `table ${table}: ${count === COUNTED ? `${COUNTED} or more` : count} row(s) whose ${column} is not in ${target}`,
          command: `DELETE FROM ${table} WHERE ${hasNone(from, link)};`,
        },
      ];
    });
  },
};
