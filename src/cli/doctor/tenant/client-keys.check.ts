import { checkClientKey } from '../../../identity-providers/keys/client-key.ts';
import { allClients } from '../../../tenancy/all-clients.ts';
import type { TenantFacts } from '../facts.ts';
import type { Check } from '../finding.ts';
import { shownName } from '../people.ts';

/** Every key of a client is one that a tenants file may have today: rules become stricter, and a row may be written by hand. */
export const clientKeysCheck: Check<TenantFacts> = {
  name: 'client-keys',
  run: ({ state: { tenant } }) =>
    Promise.resolve(
      allClients(tenant).flatMap((client) =>
        client.keys.flatMap((key) =>
          (checkClientKey(key).refusals ?? []).map(({ member, problem }) => ({
            severity: 'fault' as const,
            object: `${tenant.id}/${client.projectId}/${client.id}`,
            problem: `its key ${shownName(key['kid'] ?? '(without kid)')}${member === undefined ? '' : `, ${member}`}: ${problem}`,
            command: 'Write another key in "keys" of the client in the tenants file: tessera apply -f FILE',
          })),
        ),
      ),
    ),
};
