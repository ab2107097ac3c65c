import { GRANT_NAME_LENGTH } from '../../../control-plane/entities/tenant.entity.ts';
import { readRequiredText, selectText } from '../../../directory/bounded-text.ts';
import type { DirectoryRelations } from '../../../tenancy/relations/directory-relations.ts';
import type { DirectoryFacts } from '../facts.ts';
import { type Check, MAX_FOUND } from '../finding.ts';
import { shownName } from '../people.ts';

const empty = ({ from }: DirectoryRelations) =>
  `SELECT ${selectText('roles.name', GRANT_NAME_LENGTH, 'name')} FROM ${from.roles} roles
 WHERE NOT EXISTS (SELECT * FROM ${from.role_scopes} rs WHERE rs.role_name = roles.name) ORDER BY roles.name LIMIT ${MAX_FOUND + 1}`;

/** Every role gives a scope. */
export const emptyRolesCheck: Check<DirectoryFacts> = {
  name: 'empty-roles',
  run: async ({ directory, state: { tenant } }) =>
    (await directory.query(empty(directory.relations))).map((row) => ({
      severity: 'warning',
      object: `role ${tenant.id}/${shownName(readRequiredText(row, 'name', GRANT_NAME_LENGTH))}`,
      problem: 'the role has no scopes, so it permits nothing',
      command: 'List its scopes, or remove it, in the tenants file: tessera apply -f FILE',
    })),
};
