import type { TenantFacts } from '../facts.ts';
import type { Check } from '../finding.ts';
import { shownId } from '../people.ts';
import { largestToken } from '../largest-token.ts';

/** The tokens of administrators are well below the size budget. */
export const administratorTokensCheck: Check<TenantFacts> = {
  name: 'administrator-tokens',
  run: ({ stores: { config }, state: { tenant, administrators } }) => {
    const budget = largestToken(config, tenant, 'admin');
    return Promise.resolve(
      administrators.flatMap(({ id, email, roles, scopes }) =>
        budget(`administrator ${tenant.id}/${shownId(id)}`, {
          id,
          email,
          roles,
          groups: [],
          scopes: scopes.map((name) => ({ name, resource: undefined })),
        }),
      ),
    );
  },
};
