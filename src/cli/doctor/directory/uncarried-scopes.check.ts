import { GRANT_NAME_LENGTH } from '../../../control-plane/entities/tenant.entity.ts';
import { readRequiredText, selectText } from '../../../directory/bounded-text.ts';
import { unavailable } from '../../../errors/tessera-error.ts';
import { TENANT_DATABASE } from '../../../tenancy/tenant-database.ts';
import type { DirectoryRelations } from '../../../tenancy/relations/directory-relations.ts';
import type { DirectoryFacts } from '../facts.ts';
import type { Check } from '../finding.ts';
import { MAX_SCOPES, scopeBound, uncarriedScopes } from '../scope-bounds.ts';

const scopes = ({ from }: DirectoryRelations) =>
  `SELECT ${selectText('scopes.name', GRANT_NAME_LENGTH, 'name')} FROM ${from.scopes} scopes LIMIT ${MAX_SCOPES + 1}`;

/** Every scope of the directory is within the bound of a client of the user surface. */
export const uncarriedScopesCheck: Check<DirectoryFacts> = {
  name: 'uncarried-scopes',
  run: async ({ directory, state: { tenant } }) => {
    const rows = await directory.query(scopes(directory.relations));
    if (rows.length > MAX_SCOPES) throw unavailable(TENANT_DATABASE, 'has too many rows');
    const isCarried = scopeBound(tenant, 'user');
    const uncarried = rows
      .map((row) => readRequiredText(row, 'name', GRANT_NAME_LENGTH))
      .filter((scope) => !isCarried(scope));
    return uncarriedScopes(`scopes of ${tenant.id}`, uncarried.sort());
  },
};
