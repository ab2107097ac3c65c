import type { GrantPath } from '../../directory/grant-paths.ts';
import type { Client } from '../../tenancy/tenant.ts';
import { SCOPE_CUTS, scopeCut } from '../../token-grants/authorize.ts';

/** A path to a scope of the subject, as in the JSON output. */
export interface ExplainedScope {
  readonly scope: string;
  /** Null: the scope is an administrator's own, or nobody's. */
  readonly role: string | null;
  readonly group?: string;
  /** Why a token of the client would not have the scope; absent: it would. */
  readonly cut?: string;
}

export function explainedScopes(client: Client, paths: readonly GrantPath[]): readonly ExplainedScope[] {
  return paths.map(({ scope, role, group }) => {
    const cut = scopeCut(client, scope);
    return {
      scope,
      role: role ?? null,
      ...(group !== undefined && { group }),
      ...(cut !== undefined && { cut: SCOPE_CUTS[cut](client) }),
    };
  });
}

/** Only that scope: each path to it, or the reason that there is none. */
export function onlyScope(scopes: readonly ExplainedScope[], scope: string): readonly ExplainedScope[] {
  const found = scopes.filter((one) => one.scope === scope);
  return found.length > 0 ? found : [{ scope, role: null, cut: NOT_GRANTED }];
}

const NOT_GRANTED = 'not granted to the subject';
