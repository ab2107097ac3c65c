import { GRANT_NAME_LENGTH, SUBJECT_ID_LENGTH } from '../../../control-plane/entities/tenant.entity.ts';
import type { Row } from '../../../database/database.ts';
import { readRequiredText, readText, selectText } from '../../../directory/bounded-text.ts';
import type { GrantedScope } from '../../../directory/subject.ts';
import { unavailable } from '../../../errors/tessera-error.ts';
import { TENANT_DATABASE } from '../../../tenancy/tenant-database.ts';
import type { DirectoryRelations } from '../../../tenancy/relations/directory-relations.ts';
import type { DirectoryFacts } from '../facts.ts';
import { type Check, type Found, MAX_FOUND } from '../finding.ts';
import { largestToken } from '../largest-token.ts';
import { shownId } from '../people.ts';
import { userPages } from './read-users.ts';

/** For what roles and groups give, and for what a thousand users have. */
const MAX_ROWS = 100_000;

const roleScopes = ({
  from,
}: DirectoryRelations) => `SELECT ${selectText('rs.role_name', GRANT_NAME_LENGTH, 'owner')}, ${selectText('rs.scope_name', GRANT_NAME_LENGTH, 'name')},
       ${selectText('s.resource', GRANT_NAME_LENGTH, 'resource')}
  FROM ${from.role_scopes} rs LEFT JOIN ${from.scopes} s ON s.name = rs.scope_name LIMIT ${MAX_ROWS + 1}`;
const groupRoles = ({
  from,
}: DirectoryRelations) => `SELECT ${selectText('gr.group_name', GRANT_NAME_LENGTH, 'owner')}, ${selectText('gr.role_name', GRANT_NAME_LENGTH, 'name')}
  FROM ${from.user_group_roles} gr LIMIT ${MAX_ROWS + 1}`;
const ofUsers = (table: string, column: string) =>
  `SELECT ${selectText('l.user_id', SUBJECT_ID_LENGTH, 'owner')}, ${selectText(`l.${column}`, GRANT_NAME_LENGTH, 'name')}
  FROM ${table} l WHERE l.user_id >= ? AND l.user_id <= ? LIMIT ${MAX_ROWS + 1}`;

/** The tokens of users are well below the size budget. */
export const userTokensCheck: Check<DirectoryFacts> = {
  name: 'user-tokens',
  run: async (facts) => {
    const { tenant } = facts.state;
    const { relations } = facts.directory;
    const userRoles = ofUsers(relations.from.user_roles, 'role_name');
    const userGroups = ofUsers(relations.from.user_group_members, 'group_name');
    const budget = largestToken(facts.stores.config, tenant, 'user');
    const scopesOf = await links(facts, roleScopes(relations), [], (row): GrantedScope => ({
      name: nameIn(row),
      resource: readText(row, 'resource', GRANT_NAME_LENGTH),
    }));
    const rolesOfGroup = await links(facts, groupRoles(relations), [], nameIn);
    const found: Found[] = [];
    for await (const users of userPages(facts)) {
      const range = [users[0]?.id ?? '', users.at(-1)?.id ?? ''];
      const rolesOf = await links(facts, userRoles, range, nameIn);
      const groupsOf = await links(facts, userGroups, range, nameIn);
      for (const { id, email } of users) {
        const groups = groupsOf(id);
        const roles = [...rolesOf(id), ...groups.flatMap(rolesOfGroup)];
        const scopes = [...new Set(roles)].flatMap(scopesOf);
        found.push(...budget(`user ${tenant.id}/${shownId(id)}`, { id, email, roles, groups, scopes }));
        if (found.length > MAX_FOUND) return found;
      }
    }
    return found;
  },
};

/** Reads a link table, as a function from each owner to what it has. */
async function links<Value>(
  { directory }: DirectoryFacts,
  select: string,
  parameters: readonly string[],
  read: (row: Row) => Value,
): Promise<(owner: string) => readonly Value[]> {
  const rows = await directory.query(select, parameters);
  if (rows.length > MAX_ROWS) throw unavailable(TENANT_DATABASE, 'has too many rows');
  const values = new Map<string, Value[]>();
  for (const row of rows) {
    // The longest name that an owner may have.
    const owner = readRequiredText(row, 'owner', SUBJECT_ID_LENGTH);
    const known = values.get(owner);
    if (known === undefined) values.set(owner, [read(row)]);
    else known.push(read(row));
  }
  return (owner) => values.get(owner) ?? [];
}

function nameIn(row: Row): string {
  return readRequiredText(row, 'name', GRANT_NAME_LENGTH);
}
