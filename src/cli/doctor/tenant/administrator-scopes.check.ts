import type { TenantFacts } from '../facts.ts';
import type { Check } from '../finding.ts';
import { scopeBound, uncarriedScopes } from '../scope-bounds.ts';

/** Every scope of an administrator is within the bound of a client of the admin surface. */
export const administratorScopesCheck: Check<TenantFacts> = {
  name: 'administrator-scopes',
  run: ({ state: { tenant, administrators } }) => {
    const isCarried = scopeBound(tenant, 'admin');
    const scopes = new Set(administrators.flatMap((administrator) => administrator.scopes));
    const uncarried = [...scopes].filter((scope) => !isCarried(scope));
    return Promise.resolve(uncarriedScopes(`administrators of ${tenant.id}`, uncarried));
  },
};
