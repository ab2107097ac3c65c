import { allClients } from '../../../tenancy/all-clients.ts';
import type { TenantFacts } from '../facts.ts';
import type { Check } from '../finding.ts';
import { shownName } from '../people.ts';

/** Every audience that a client may exchange tokens for is one that a client of the tenant has, or whose tokens one receives: another may be mistyped. */
export const exchangeTargetsCheck: Check<TenantFacts> = {
  name: 'exchange-targets',
  run: ({ state: { tenant } }) => {
    const clients = allClients(tenant);
    const known = new Set(
      clients.flatMap(({ audience, audiences, receives = [] }) => [audience, ...audiences, ...receives]),
    );
    return Promise.resolve(
      clients.flatMap((client) =>
        client.exchange
          .filter(({ to }) => !known.has(to))
          .map(({ to }) => ({
            severity: 'warning',
            object: `${tenant.id}/${client.projectId}/${client.id}`,
            problem: `it may exchange tokens for ${shownName(to)}, an audience that no client of the tenant has or receives`,
            command:
              'Correct "exchange" of the client in the tenants file; or add a client with this audience and "surfaces: []" for the API, which gets no tokens: tessera apply -f FILE',
          })),
      ),
    );
  },
};
