import type { Client } from '../../../tenancy/tenant.ts';
import type { TenantFacts } from '../facts.ts';
import type { Check } from '../finding.ts';

/** No client may exchange the tokens of another because neither has an audience of its own: both then have their project's id. */
export const sharedAudiencesCheck: Check<TenantFacts> = {
  name: 'shared-audiences',
  run: ({ state: { tenant } }) =>
    Promise.resolve(
      [...tenant.projects.values()].flatMap((project) => {
        const sharing = [...project.clients.values()].filter(({ audience }) => audience === project.id);
        return sharing.filter(exchangesItsAudience).flatMap((client) => {
          const others = sharing.filter((other) => other !== client && hasExchangeableTokens(other));
          if (others.length === 0) return [];
          return [
            {
              severity: 'warning' as const,
              object: `${tenant.id}/${project.id}/${client.id}`,
              problem: `it may exchange the tokens of ${others.map(({ id }) => id).join(', ')}: all have the audience of their project, ${project.id}`,
              command:
                'Give the client an "audience" of its own, or list under "receives" what is sent to it, in the tenants file: tessera apply -f FILE',
            },
          ];
        });
      }),
    ),
};

function exchangesItsAudience({ exchange, receives }: Client): boolean {
  return exchange.length > 0 && receives === undefined;
}

function hasExchangeableTokens({ surfaces, service }: Client): boolean {
  return surfaces.includes('user') || service !== undefined;
}
