import { GRANT_NAME_LENGTH } from '../../../control-plane/entities/tenant.entity.ts';
import { readRequiredText } from '../../../directory/bounded-text.ts';
import { columnsOf } from '../../../directory/relation-columns.ts';
import { unavailable } from '../../../errors/tessera-error.ts';
import { allClients } from '../../../tenancy/all-clients.ts';
import { TENANT_DATABASE } from '../../../tenancy/tenant-database.ts';
import type { Client } from '../../../tenancy/tenant.ts';
import type { DirectoryFacts } from '../facts.ts';
import { type Check, type Found, MAX_FOUND } from '../finding.ts';
import { shownName } from '../people.ts';
import { MAX_SCOPES, namedScopes } from '../scope-bounds.ts';

/** Every scope that a client or one of its exchanges lists is one that somebody can have: another is mistyped, or its role is gone. */
export const ungrantedScopesCheck: Check<DirectoryFacts> = {
  name: 'ungranted-scopes',
  run: async (facts) => {
    const { tenant, administrators } = facts.state;
    const ofRoles = await scopesOfRoles(facts);
    const ofAdministrators = new Set(administrators.flatMap(({ scopes }) => scopes));
    const command =
      tenant.directory === 'external'
        ? 'Correct the client in the tenants file: tessera apply -f FILE; or add them to the view tessera_role_scopes'
        : 'Correct the client, or give them to a role, in the tenants file: tessera apply -f FILE';
    return allClients(tenant)
      .flatMap((client) =>
        listsOf(client).flatMap(({ list, scopes, isForAdministrators }): Found[] => {
          const ungranted = [...scopes].filter(
            (scope) => !ofRoles.has(scope) && !(isForAdministrators && ofAdministrators.has(scope)),
          );
          if (ungranted.length === 0) return [];
          const who = isForAdministrators ? 'no role and no administrator has' : 'no role has';
          const problem = `its ${list} lists scopes that ${who}: ${namedScopes(ungranted.sort())}`;
          return [{ severity: 'warning', object: `${tenant.id}/${client.projectId}/${client.id}`, problem, command }];
        }),
      )
      .slice(0, MAX_FOUND + 1);
  },
};

interface ScopeList {
  readonly list: string;
  readonly scopes: Iterable<string>;
  /** Administrators have scopes of their own, and no exchange is about them. */
  readonly isForAdministrators: boolean;
}

function listsOf({ surfaces, scopes, exchange }: Client): ScopeList[] {
  const bound = { list: '"scopes"', scopes: scopes === 'unbounded' ? [] : scopes };
  return [
    { ...bound, isForAdministrators: surfaces.includes('admin') },
    ...exchange.map((rule) => ({
      list: `"exchange" for ${shownName(rule.to)}`,
      scopes: rule.scopes === 'subset' ? [] : rule.scopes,
      isForAdministrators: false,
    })),
  ];
}

async function scopesOfRoles({ directory }: DirectoryFacts): Promise<ReadonlySet<string>> {
  const { relations } = directory;
  // As `columnsOf` reads it: a collation may take "Orders" for "orders", and DISTINCT then drops one of them.
  const name = columnsOf(relations).text('rs.scope_name', GRANT_NAME_LENGTH, 'name');
  const rows = await directory.query(
    `SELECT DISTINCT ${name} FROM ${relations.from.role_scopes} rs LIMIT ${MAX_SCOPES + 1}`,
  );
  if (rows.length > MAX_SCOPES) throw unavailable(TENANT_DATABASE, 'has too many rows');
  return new Set(rows.map((row) => readRequiredText(row, 'name', GRANT_NAME_LENGTH)));
}
