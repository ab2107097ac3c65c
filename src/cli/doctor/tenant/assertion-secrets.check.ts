import { HAND_PLACED_ID } from '../../../clients/client-secrets.ts';
import { liveSecrets } from '../../../clients/client-secret-entry.ts';
import { nameOf } from '../../../clients/client-secret.store.ts';
import { epochSeconds } from '../../../domain/clock.ts';
import { eachClientWithPolicy } from '../each-client.ts';
import type { TenantFacts } from '../facts.ts';
import type { Check } from '../finding.ts';

/** No client that authenticates by its keys or as a workload has a live secret: it is not accepted, and would be again after a change of policy. */
export const assertionSecretsCheck: Check<TenantFacts> = {
  name: 'assertion-secrets',
  needsVault: true,
  run: (facts) => {
    const now = epochSeconds(facts.clock.nowMs());
    return eachClientWithPolicy(facts, 'assertion', (client, secrets) => {
      const name = nameOf(client);
      const handPlaced = secrets.handPlaced === undefined ? [] : [HAND_PLACED_ID];
      return [...handPlaced, ...liveSecrets(secrets, now).map(({ id }) => id)].map((id) => ({
        severity: 'warning',
        object: name,
        problem: `secret ${id} is live, but the client authenticates by its keys or as a workload, and no secret is accepted for it`,
        command: `tessera secrets retire ${name} ${id}`,
      }));
    });
  },
};
