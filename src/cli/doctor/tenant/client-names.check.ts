import { clientsById } from '../../../clients/claimed-client.ts';
import type { Client } from '../../../tenancy/tenant.ts';
import type { TenantFacts } from '../facts.ts';
import type { Check } from '../finding.ts';

/** Every client that uses the token endpoint has an id of its own. Of two with one id, each must be named with its project there. */
export const clientNamesCheck: Check<TenantFacts> = {
  name: 'client-names',
  run: ({ state: { tenant } }) => {
    return Promise.resolve(
      [...clientsById(tenant)]
        .filter(([, sharing]) => sharing.length > 1 && sharing.some(usesTokenEndpoint))
        .map(([id, sharing]) => {
          const paths = sharing.map(({ projectId }) => `${projectId}/${id}`).join(', ');
          return {
            severity: 'warning',
            object: `clients ${id} of ${tenant.id}`,
            problem: `${paths} have one id, so the token endpoint does not accept "${id}" as a client_id`,
            command: `Let each send its project too, as one of ${paths}; or give each its own id`,
          };
        }),
    );
  },
};

function usesTokenEndpoint({ audiences, exchange, service, keys, jwksUri, workload }: Client): boolean {
  const has = [service, jwksUri, workload].some((member) => member !== undefined);
  return has || [audiences, exchange, keys].some((list) => list.length > 0);
}
